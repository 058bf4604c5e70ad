"""Downloads against a server on this machine: once, resumed, checked."""

import hashlib
import multiprocessing
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lit_samseg.checkpoints.download import cache_folder, fetch
from lit_samseg.errors import InputError

CONTENT = bytes(range(256)) * 16_000
HASH = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Server:
    """Serves CONTENT and remembers what was asked for."""

    def __init__(self) -> None:
        self.ranges: list[str | None] = []
        self.understands_ranges = True
        self.stops_after: int | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                outer.ranges.append(asked)
                if self.path == "/missing":
                    self.send_error(404)
                    return
                start = int(asked.split("=")[1].rstrip("-")) if asked and outer.understands_ranges else 0
                if start >= len(CONTENT):
                    self.send_error(416)
                    return
                rest = CONTENT[start:]
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(rest)))
                self.end_headers()
                self.wfile.write(rest[: outer.stops_after])

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/file.bin"


@pytest.fixture
def server() -> Iterator[Server]:
    try:
        server = Server()
    except OSError:
        pytest.skip("no loopback network")
    thread = threading.Thread(target=server.http.serve_forever, daemon=True)
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


def test_a_file_is_downloaded_once(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.bin"
    for _ in range(2):
        assert fetch(server.url, path, HASH, "thing") == path
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None]
    assert not path.with_name("file.bin.part").exists()


def test_an_interrupted_download_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    path, part = tmp_path / "file.bin", tmp_path / "file.bin.part"
    server.stops_after = 2_500_000
    with pytest.raises(InputError, match=rf"thing could not be downloaded .*put it at {path}"):
        fetch(server.url, path, HASH, "thing")
    assert not path.exists()
    kept = part.stat().st_size
    assert 0 < kept <= 2_500_000
    assert part.read_bytes() == CONTENT[:kept]
    server.stops_after = None
    assert fetch(server.url, path, HASH, "thing").read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={kept}-"]


@pytest.mark.parametrize(
    "left", [CONTENT, b"x" * 10, CONTENT[:5], CONTENT + b"more"], ids=["whole", "bad", "head", "long"]
)
@pytest.mark.parametrize("understands_ranges", [True, False])
def test_whatever_is_left_of_an_earlier_download(
    server: Server, tmp_path: Path, left: bytes, understands_ranges: bool
) -> None:
    server.understands_ranges = understands_ranges
    (tmp_path / "file.bin.part").write_bytes(left)
    assert fetch(server.url, tmp_path / "file.bin", HASH, "thing").read_bytes() == CONTENT
    assert len(server.ranges) == (0 if left == CONTENT else 1 if left == CONTENT[:5] and understands_ranges else 2)


def test_another_file_than_the_published_one_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not the published thing"):
        fetch(server.url, tmp_path / "file.bin", "sha1:" + "0" * 40, "thing")
    assert [path.name for path in tmp_path.iterdir() if not path.name.endswith(".lock")] == []


def test_unreachable_and_missing(server: Server, tmp_path: Path) -> None:
    gone = server.url.replace("file.bin", "missing")
    with pytest.raises(InputError, match=r"404.*fetch it by hand and put it at .*file\.bin"):
        fetch(gone, tmp_path / "file.bin", HASH, "thing")
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:7])
    with pytest.raises(InputError, match="fetch it by hand"):
        fetch("http://127.0.0.1:9/file.bin", tmp_path / "file.bin", HASH, "thing")
    assert (tmp_path / "file.bin.part").read_bytes() == CONTENT[:7]


def test_several_processes_download_once(server: Server, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    arguments = (server.url, tmp_path / "file.bin", HASH, "thing")
    processes = [context.Process(target=fetch, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.ranges == [None]


def test_the_cache_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LIT_SAMSEG_CACHE", raising=False)
    assert cache_folder().name == "lit_samseg"
    monkeypatch.setenv("LIT_SAMSEG_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
