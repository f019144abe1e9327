"""The certificate files of tests/unit/test_certificate_files.py, given to the real nginx of the edge's image."""

import io
import subprocess
import tarfile

from certificates.check import check
from tests.certificates import HOST, Case, cases
from tools.toolchain.images import ensure

CONFIG = b"""
pid /tmp/pid; error_log stderr warn; events {}
http {
    access_log off;
    client_body_temp_path /tmp/1; proxy_temp_path /tmp/2; fastcgi_temp_path /tmp/3;
    uwsgi_temp_path /tmp/4; scgi_temp_path /tmp/5;
    server { listen 8443 ssl; ssl_certificate tls.crt; ssl_certificate_key tls.key; }
}
"""
TRY = """
mkdir /tmp/files && cd /tmp/files && tar x
for number in $(seq 0 $(($(ls | wc -l) - 1))); do
    nginx -e stderr -t -q -c "$PWD/$number/nginx.conf" </dev/null && echo yes || echo no
done
"""


def nginx_accepts(image: str, pairs: list[tuple[bytes, bytes]]) -> list[bool]:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for number, (certificate, key) in enumerate(pairs):
            for name, content in (("tls.crt", certificate), ("tls.key", key), ("nginx.conf", CONFIG)):
                entry = tarfile.TarInfo(f"{number}/{name}")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    command = ["docker", "run", "--rm", "-i", "--network", "none", "--user", "101:101", "--entrypoint", "sh"]
    done = subprocess.run(
        [*command, image, "-c", TRY],
        input=archive.getvalue(),
        capture_output=True,
        timeout=300,
        check=True,
    )
    answers = done.stdout.decode().split()
    assert len(answers) == len(pairs), done.stderr.decode()
    assert "yes" in answers, done.stderr.decode()
    return [answer == "yes" for answer in answers]


def normal(case: Case) -> tuple[bytes, bytes]:
    """The pair as the edge is given it."""
    found = check(case.certificate.decode(errors="replace"), case.key.decode(errors="replace"), HOST, names=("C", "K"))
    return found.certificate.encode(), found.key.encode()


def test_nginx_agrees() -> None:
    image = ensure(["nginx"])["nginx"]
    accepted = [case for case in cases() if not case.words]
    as_written = [(case.certificate, case.key) for case in cases()]
    answers = nginx_accepts(image, as_written + [normal(case) for case in accepted])
    found = {case.name: answer for case, answer in zip(cases(), answers, strict=False)}
    assert found == {case.name: case.nginx for case in cases()}
    assert all(answers[len(as_written) :])
