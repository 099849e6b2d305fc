"""The proxies under measurement, each doing its version of the same work."""

import json
import os
import resource
import subprocess
import time
from pathlib import Path

from . import certificates, tokens
from .processes import (
    LOAD_CORE,
    PROXY_CORE,
    HarnessError,
    PinnedProcess,
    free_port,
    wait_until_listening,
)

ROOT = Path(__file__).resolve().parents[2]
BODY = json.dumps(
    {
        "order": 4711,
        "tenant": "acme",
        "state": "shipped",
        "lines": [{"sku": "A-100", "quantity": 2}, {"sku": "B-220", "quantity": 1}],
        "currency": "EUR",
        "total": "129.90",
    },
    separators=(",", ":"),
)
# Longer than it takes to open ten thousand connections on a busy machine.
IDLE_SECONDS = 600
# Of clients at a time: HAProxy wants two descriptors for each, and some hundred more.
LIMIT_CONNECTIONS = min(12_000, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 400) // 2)
HOST = "api.example.com"
PATH = "/v1/acme/orders/4711?expand=lines"


class Proxy:
    """A proxy as a process on the measured core. Subclasses say how it starts and logs."""

    name = ""
    work = ""

    def __init__(
        self,
        directory: Path,
        upstream_port: int,
        keys: tokens.TokenKeys,
        certificate: certificates.Certificate | None = None,
    ) -> None:
        self.directory = directory / self.name
        self.certificate = certificate
        self.directory.mkdir()
        self.upstream_port = upstream_port
        self.keys = keys
        self.port = free_port()
        self.process: PinnedProcess | None = None
        self.log = self.directory / "access.log"

    @property
    def origin(self) -> str:
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def start(self) -> None:
        self.process = PinnedProcess(
            self.name, PROXY_CORE, self.command(), self.directory, self.environment()
        )
        wait_until_listening(self.port, self.process)

    def stop(self) -> int | None:
        return self.process.stop() if self.process else None

    def count_logged(self) -> int | None:
        """Requests in its log, after `stop`; nil when it has no log."""
        return count_lines(self.log)


def descriptor_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def count_lines(path: Path) -> int:
    if not path.exists():
        return 0
    with open(path, "rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


NGINX_COMMON = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
worker_rlimit_nofile {descriptors};
events {{ worker_connections {descriptors}; }}
http {{
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout {idle_seconds}s;
  tcp_nodelay on;
"""


def nginx_command(directory: Path, configuration: str) -> list[str]:
    path = directory / "nginx.conf"
    common = NGINX_COMMON.format(
        directory=directory, descriptors=descriptor_limit(), idle_seconds=IDLE_SECONDS
    )
    path.write_text(common + configuration)
    return ["nginx", "-p", str(directory), "-e", f"{directory}/error.log", "-c", str(path)]


class Upstream:
    """nginx on the load's core that answers a fixed JSON body from memory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "upstream"
        self.directory.mkdir()
        self.port = free_port()
        configuration = f"""
  access_log off;
  default_type application/json;
  server {{
    listen 127.0.0.1:{self.port} backlog=1024;
    location / {{ return 200 '{BODY}'; }}
  }}
}}
"""
        self.process = PinnedProcess(
            "upstream", LOAD_CORE, nginx_command(self.directory, configuration), self.directory
        )
        wait_until_listening(self.port, self.process)

    def stop(self) -> None:
        self.process.stop()


class Nginx(Proxy):
    name = "nginx"
    work = "forward over keep-alive, JSON access log (one write per request), no token check"
    log_options = ""

    def tls_lines(self) -> str:
        if not self.certificate:
            return ""
        return f"""
    ssl_certificate {self.certificate.chain};
    ssl_certificate_key {self.certificate.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers {certificates.CIPHERS};
    ssl_conf_command Ciphersuites {certificates.SUITES};
    ssl_ecdh_curve {certificates.GROUPS};
    ssl_prefer_server_ciphers on;
    ssl_session_cache off;
    ssl_session_tickets on;
    ssl_session_timeout 12h;
"""

    def command(self) -> list[str]:
        configuration = f"""
  log_format json escape=json
    '{{"time":"$time_iso8601","client":"$remote_addr:$remote_port","request_id":"$request_id",'
    '"host":"$host","method":"$request_method","path":"$uri","status":$status,'
    '"bytes":$body_bytes_sent,"duration":$request_time,"upstream":"$upstream_addr",'
    '"upstream_status":"$upstream_status","upstream_time":"$upstream_response_time",'
    '"user_agent":"$http_user_agent"}}';
  access_log {self.log} json{self.log_options};
  upstream orders {{
    server 127.0.0.1:{self.upstream_port};
    keepalive 256;
    keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{self.port}{' ssl' if self.certificate else ''} backlog=1024;
    {self.tls_lines()}
    location / {{
      proxy_pass http://orders;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Request-Id $request_id;
      proxy_set_header X-Forwarded-For $remote_addr;
    }}
  }}
}}
"""
        return nginx_command(self.directory, configuration)


class NginxBuffered(Nginx):
    name = "nginx-buffered"
    work = "as nginx, with the access log buffered (64 KiB, flushed each second)"
    log_options = " buffer=64k flush=1s"


class HAProxy(Proxy):
    name = "haproxy"
    work = "RS256 by jwt_verify, claim and role checks, stick-table rate limit, JSON log"
    log_mode = "ring"

    def __init__(self, *arguments, **named) -> None:
        super().__init__(*arguments, **named)
        self.receiver: PinnedProcess | None = None
        self.log_port = free_port()

    def bind_options(self) -> str:
        if not self.certificate:
            return ""
        return (
            f" ssl crt {self.certificate.both} alpn http/1.1 ssl-min-ver TLSv1.2"
            f" ciphers {certificates.CIPHERS} ciphersuites {certificates.SUITES}"
            f" curves {certificates.GROUPS}"
        )

    def log_lines(self) -> tuple[str, str]:
        """The `log` line of `global`, and the section that it needs."""
        address = f"127.0.0.1:{self.log_port}"
        if self.log_mode == "file":
            return "log stdout len 2048 format raw local0", ""
        if self.log_mode == "udp":
            return f"log {address} len 2048 format rfc5424 local0", ""
        ring = f"""
ring access
  format rfc5424
  maxlen 2048
  size 67108864
  timeout connect 5s
  timeout server 10s
  server receiver {address} log-proto octet-count
"""
        return "log ring@access len 2048 format rfc5424 local0", ring

    def command(self) -> list[str]:
        log, ring = self.log_lines()
        path = self.directory / "haproxy.cfg"
        path.write_text(f"""
global
  nbthread 1
  maxconn {LIMIT_CONNECTIONS if self.certificate else 4096}
  {'tune.ssl.cachesize 0' if self.certificate else ''}
  {log}
{ring}
defaults
  mode http
  log global
  timeout connect 1s
  timeout client {IDLE_SECONDS}s
  timeout server 30s
  timeout http-request 10s
  timeout http-keep-alive {IDLE_SECONDS}s
  option http-keep-alive
  {'option dontlognull' if self.certificate else ''}
  http-reuse always

frontend public
  bind 127.0.0.1:{self.port}{self.bind_options()}
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request set-var(txn.typ) var(txn.bearer),jwt_header_query('$.typ')
  http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')
  http-request set-var(txn.aud) var(txn.bearer),jwt_payload_query('$.aud')
  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
  http-request set-var(txn.sub) var(txn.bearer),jwt_payload_query('$.sub')
  http-request set-var(txn.role) var(txn.bearer),jwt_payload_query('$.roles[0]')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless {{ var(txn.alg) -m str RS256 }}
  http-request deny deny_status 401 unless {{ var(txn.typ) -m str at+jwt }}
  http-request deny deny_status 401 unless {{ var(txn.iss) -m str {tokens.ISSUER} }}
  http-request deny deny_status 401 unless {{ var(txn.aud) -m str {tokens.AUDIENCE} }}
  http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
  http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify(txn.alg,"{self.keys.public}") 1 }}
  http-request deny deny_status 404 unless {{ path_beg /v1/ }}
  http-request deny deny_status 403 unless {{ var(txn.role) -m str reader }}
  http-request track-sc0 var(txn.sub) table subjects
  http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 1000000000 }}
  unique-id-format %{{+X}}o%ci%cp%fi%fp%Ts%rt%pid
  unique-id-header X-Request-Id
  log-format '{{"time":"%trl","client":"%ci:%cp","request_id":"%ID","host":"%[var(txn.host),json(utf8s)]","method":"%HM","path":"%[var(txn.path),json(utf8s)]","status":%ST,"bytes":%B,"duration":%Ta,"upstream":"%si:%sp","upstream_time":%Tr,"termination":"%tsc","subject":"%[var(txn.sub),json(utf8s)]","issuer":"%[var(txn.iss),json(utf8s)]"}}'
  http-request set-var(txn.host) req.hdr(host)
  http-request set-var(txn.path) path
  default_backend orders

backend subjects
  stick-table type string len 128 size 100k expire 10m store http_req_rate(1s)

backend orders
  option forwardfor
  server upstream 127.0.0.1:{self.upstream_port} pool-max-conn 256
""")
        return ["haproxy", "-db", "-f", str(path)]

    def start(self) -> None:
        if self.log_mode == "file":
            self.log = self.directory / "haproxy.out"
        else:
            receiver = Path(__file__).with_name("log_receiver.py")
            arguments = ["python3", str(receiver), self.log_mode, str(self.log_port), str(self.log)]
            self.receiver = PinnedProcess("receiver", LOAD_CORE, arguments, self.directory)
            if self.log_mode == "ring":
                wait_until_listening(self.log_port, self.receiver)
        super().start()

    def stop(self) -> int | None:
        # The ring empties in the background; ending HAProxy throws away what is left in it.
        time.sleep(0.3)
        code = self.process.stop() if self.process else None
        if self.receiver:
            self.receiver.stop()
        return code

    def count_logged(self) -> int | None:
        return count_substrings(self.log, b'"termination":')


def count_substrings(path: Path, text: bytes) -> int:
    """Lines of `path` that hold `text` (a ring's frames carry no line ends of their own)."""
    count, rest = 0, b""
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            chunk = rest + chunk
            count += chunk.count(text)
            rest = chunk[-(len(text) - 1) :]
    return count


class Relay(Proxy):
    name = "relay"
    work = "nothing: the four data calls that any proxy makes"

    def command(self) -> list[str]:
        binary = self.directory / "relay"
        source = ROOT / "perf" / "relay.c"
        subprocess.run(
            ["cc", "-O2", "-Wall", "-Werror", "-o", str(binary), str(source)],
            check=True,
            timeout=60,
        )
        return [str(binary), str(self.port), str(self.upstream_port)]

    def count_logged(self) -> int | None:
        return None


class Sallyport(Proxy):
    name = "sallyport"
    work = "RS256 (cached), claim and role checks, GCRA limit, signed hash-tree log (bounded)"

    def __init__(self, *arguments, **named) -> None:
        super().__init__(*arguments, **named)
        self.binary = Path(
            os.environ.get("SALLYPORT_BIN", ROOT / ".build/release/sallyport")
        ).resolve()
        self.audit_directory = self.directory / "audit"
        if not self.binary.exists():
            raise HarnessError(f"no {self.binary}: `swift build -c release`, or SALLYPORT_BIN")

    def tls_lines(self) -> str:
        if not self.certificate:
            return ""
        return f"""
    tls:
      certificates: [{{cert: "{self.certificate.chain}", key: "{self.certificate.key}"}}]
"""

    def command(self) -> list[str]:
        key = self.directory / "audit-key.pem"
        tokens.write_audit_key(key)
        path = self.directory / "sallyport.yaml"
        path.write_text(f"""
version: 1
workers: 1
listeners:
  public:
    address: "127.0.0.1:{self.port}"
{self.tls_lines()}
issuers:
  corp:
    issuer: {tokens.ISSUER}
    audience: [{tokens.AUDIENCE}]
    algorithms: [RS256]
    token_type: at+jwt
    jwks: {{file: "{self.keys.key_set}"}}
roles: [reader, admin]
rate_limits:
  per_subject: {{key: subject, rate: 1000000/s, burst: 1000000}}
upstreams:
  orders:
    endpoints: ["http://127.0.0.1:{self.upstream_port}"]
    idle_connections: 256
routes:
  - name: orders-read
    match: {{host: {HOST}, path: "/v1/{{tenant}}/orders/**", methods: [GET, HEAD]}}
    auth: corp
    allow: {{roles: [reader, admin]}}
    rate_limit: per_subject
    upstream: orders
audit:
  directory: "{self.audit_directory}"
  origin: api.example.com/perf
  signing_key: "{key}"
  mode: bounded
limits: {{connections: {LIMIT_CONNECTIONS}, idle_time: {IDLE_SECONDS}s}}
""")
        return [str(self.binary), "serve", "--config", str(path)]

    def count_logged(self) -> int | None:
        """Request records in the log, as the auditor's tool verifies them."""
        tool = self.binary.with_name("sallyport-audit")
        if not tool.exists():
            return None
        ended = subprocess.run(
            [str(tool), "verify", "--json", str(self.audit_directory)],
            capture_output=True,
            timeout=300,
        )
        if ended.returncode != 0:
            raise HarnessError(f"the log does not verify: {ended.stdout!r} {ended.stderr!r}")
        return records_of(json.loads(ended.stdout))


def records_of(report: dict) -> int:
    """Requests in the verifier's report; the process's own records are not among them."""
    return sum(log["requests"] for log in report["logs"])


PROXIES: dict[str, type[Proxy]] = {
    proxy.name: proxy for proxy in (Relay, Nginx, NginxBuffered, HAProxy, Sallyport)
}
