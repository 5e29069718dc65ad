"""What STOW-RS has acknowledged survives SIGKILL, and a restart sweeps what it has not."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx

from tests.support.builders import make_cxr
from tests.support.origin import PARTS, encoded, in_parts
from tests.support.system import Thoraxd

NO_BROKER = "redis://127.0.0.1:1/0"  # nothing is analysed here, and receiving does not need it


def test_every_instance_that_was_acknowledged_survives_a_kill_at_once(tmp_path: Path) -> None:
    thoraxd = Thoraxd(tmp_path, workers=0, settings={"broker": {"url": NO_BROKER}})
    url = f"http://127.0.0.1:{thoraxd.web_port}/dicom-web/studies"
    acknowledged: dict[str, bytes] = {}
    enough = threading.Event()

    def send(seed: int) -> None:
        with httpx.Client(trust_env=False, timeout=30) as client:
            while True:
                film = make_cxr(rows=64, columns=64, InstanceNumber=seed)
                content = encoded(film)
                try:
                    reply = client.post(url, content=in_parts(content), headers={"Content-Type": PARTS})
                except httpx.TransportError:
                    return
                if reply.status_code == 200:
                    acknowledged[f"{url}/{film.StudyInstanceUID}"] = content
                if len(acknowledged) >= 40:
                    enough.set()

    with thoraxd:
        senders = [threading.Thread(target=send, args=(seed,)) for seed in range(3)]
        for sender in senders:
            sender.start()
        assert enough.wait(30)
        thoraxd.kill_daemon()
        for sender in senders:
            sender.join()
        (thoraxd.settings.incoming / "stow-half").write_bytes(b"what a killed daemon leaves")
        thoraxd.start_daemon()
        accept = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
        for study, content in acknowledged.items():
            assert content in httpx.get(study, headers=accept, trust_env=False).content
        assert list(thoraxd.settings.incoming.iterdir()) == []
