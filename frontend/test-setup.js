// Where the app would be; requests are made in full before a test answers them.
globalThis.location = new URL('http://localhost');
