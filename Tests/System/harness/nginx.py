"""Debian's nginx as an upstream."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

BINARY = shutil.which("nginx") or "/usr/sbin/nginx"
CONFIG = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log;
{user}
events {{ worker_connections 512; }}
http {{
  access_log off; client_max_body_size 0; keepalive_requests 1000000;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  server {{
    listen unix:{dir}/ready.sock;
    listen 127.0.0.1:{port}{tls};
    root {dir}/www;
    location /open/say {{ return 200 "hello from nginx\\n"; }}
    location /open/tls {{
      keepalive_timeout {keepalive};
      return 200 "{variables}";
    }}
    location /open/moved {{ return 302 /open/say; }}
    location /open/none {{ return 204; }}
    location /open/files/ {{ alias {dir}/www/; etag on; }}
    location /open/upload {{ client_body_in_file_only clean; dav_methods PUT; alias {dir}/www; }}
  }}
}}
"""


# What nginx knows of a TLS connection, as members of a JSON object.
VARIABLES = ("ssl_protocol", "ssl_cipher", "ssl_session_reused", "ssl_server_name",
             "ssl_alpn_protocol", "ssl_client_verify", "ssl_client_s_dn", "connection")


class Nginx:
    """`tls` is directives for the server, such as its certificate; none for plain HTTP."""

    def __init__(self, directory: Path, tls: str = "", keepalive: int = 60):
        import os
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "www").mkdir(exist_ok=True)
        # The kernel names a free port; nginx, started at once, takes it.
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.www = directory / "www"
        user = "user root;" if os.geteuid() == 0 else ""
        file = directory / "nginx.conf"
        members = ",".join(f'\\"{name}\\":\\"${name}\\"' for name in VARIABLES)
        file.write_text(CONFIG.format(
            dir=directory, port=self.port, user=user, keepalive=keepalive,
            variables="{" + members + "}", tls=f" ssl;\n    {tls.rstrip('; ')}" if tls else ""))
        self.process = subprocess.Popen(
            [BINARY, "-e", directory / "error.log", "-c", file, "-p", directory])
        self._await(directory)

    def _await(self, directory: Path):
        import time
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < end and self.process.poll() is None, (
                    (directory / "error.log").read_text())
                time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
