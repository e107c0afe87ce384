"""The command line, where it is no process of its own."""

import socket

from api.commands.main import listen
from api.settings import Settings
from tests.service import free_port


def test_replies_on_the_listening_socket_are_sent_at_once():
    """Without it the second part of a reply waits for the receipt of the first."""
    with (
        listen(Settings(port=free_port())) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as connection,
    ):
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
