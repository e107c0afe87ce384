"""Peak memory, where the system can tell and where it cannot."""

from engine.jobs import memory


def test_the_peak_is_at_least_what_the_process_holds():
    memory.reset_peak()

    peak = memory.peak_bytes()
    assert peak is not None
    assert peak > 1_000_000


def test_a_system_without_proc_has_no_peak(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "STATUS", tmp_path / "status")

    assert memory.peak_bytes() is None


def test_a_system_that_names_no_peak_has_none(monkeypatch, tmp_path):
    (tmp_path / "status").write_text("Name: python\n")
    monkeypatch.setattr(memory, "STATUS", tmp_path / "status")

    assert memory.peak_bytes() is None
