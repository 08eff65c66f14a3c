"""The mock service without HTTP: accounts, devices, jobs, sessions, and the ledger."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from qep_qiskit.checks import real, whole
from qep_qiskit.devices.digests import mark_in
from qep_qiskit.errors import InputError
from qep_qiskit.rehearsal import programs
from qep_qiskit.rehearsal.faults import orders
from qep_qiskit.rehearsal.jobs import Job
from qep_qiskit.rehearsal.machine import Machine, machine_names
from qep_qiskit.secrets import MOCK_KEY

CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/0123456789abcdef0123456789abcdef:rehearsal::"
PLAN = "rehearsal-plan"
TOKEN_SECONDS = 3600
QUEUE_SECONDS = 5.0
LAG_SECONDS = 2.0
DUPLICATE_QUEUE_SECONDS = 8.0
FINAL = ("Completed", "Failed", "Cancelled")


class ReplyError(Exception):
    """An error reply, with its status, message and headers."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers


class ConnectionLostError(Exception):
    """The connection is closed without a reply."""


class Service:
    """The state of the mock service. It lives in the server's process, so a client may die at any moment.

    Parameters
    ----------
    seed : int
        The shots of a job depend only on this seed, its circuits and their values.
    noise : {"full", "readout", "none"}
        The noise of the device's snapshot, only its readout errors, or none.
    faults : iterable of str
        Names in :data:`qep_qiskit.rehearsal.faults.FAULTS`, optionally with a count, such as ``"storm:5"``.
    queue_seconds : float
        Seconds that every job waits for the device.
    """

    def __init__(self, *, seed: int = 0, noise: str = "full", faults: Iterable[str] = (), queue_seconds: float = 0.0) -> None:
        self.seed, self.noise, self.key = whole("seed", seed), noise, MOCK_KEY  # the fault "echo" sends the key back
        Machine(machine_names()[0], noise)
        self._queue_seconds = real("queue_seconds", queue_seconds, least=0.0)
        self._lock = threading.RLock()
        self._faults = orders(faults)
        self._happened: dict[str, int] = {}
        self._jobs: dict[str, Job] = {}
        self._sessions: dict[str, dict[str, Any]] = {}
        self._tokens: set[str] = set()
        self._drifted = False
        self._changed = threading.Condition(self._lock)
        self._stopped = False
        self.refused = False
        threading.Thread(target=self._work, name="mock device", daemon=True).start()

    def close(self) -> None:
        """Stop the thread that runs the jobs."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def order(self, *names: str) -> None:
        """Order faults to happen; a new order replaces earlier ones of the same name."""
        with self._lock:
            self._faults |= orders(names)

    def strikes(self, name: str) -> bool:
        """Return whether an ordered fault happens now; if so, count it."""
        with self._lock:
            if self._faults.get(name, 0) < 1:
                return False
            self._faults[name] -= 1
            self._happened[name] = self._happened.get(name, 0) + 1
            return True

    def ledger(self) -> dict[str, Any]:
        """Return every job with its billed seconds, and the faults that have happened."""
        with self._lock:
            jobs = [
                {
                    "id": job.id,
                    "tags": job.names,
                    "digest": mark_in(job.tags),
                    "status": job.status,
                    "seconds": job.seconds,
                    "reads": job.reads,
                }
                for job in self._jobs.values()
            ]
            return {"jobs": jobs, "seconds": sum(job.seconds for job in self._jobs.values()), "faults": dict(self._happened)}

    def token(self, key: str) -> dict[str, Any]:
        """Return a new access token, if the key is the mock service's."""
        if key != MOCK_KEY:  # a real key must have been sent here by mistake
            raise ReplyError(401, f"a mock service accepts the key {MOCK_KEY!r} only")
        now = int(time.time())
        parts = [{"alg": "none", "typ": "JWT"}, {"iat": now, "exp": now + TOKEN_SECONDS, "id": secrets.token_hex(8)}]
        head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        token = f"{head}.{body}.{secrets.token_urlsafe(16)}"
        with self._lock:
            self._tokens.add(token)
        return {
            "access_token": token,
            "refresh_token": "none",
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "expiration": now + TOKEN_SECONDS,
        }

    def revoke_tokens(self) -> None:
        """Revoke all access tokens issued so far."""
        with self._lock:
            self._tokens.clear()

    def running(self) -> tuple[str, float] | None:
        """Return the running simulation in words, with the time left, and its completed share; None if no job runs."""
        with self._lock:
            job = next((job for job in self._jobs.values() if job.status == "Running"), None)
        if job is None:
            return None
        share, elapsed = job.share, time.monotonic() - job.began
        left = f", about {max(1.0, elapsed * (1 - share) / share):.0f} s left" if 0 < share < 1 else ""
        return f"simulating {job.machine.name}{left}", share

    def admit(self, token: str) -> None:
        """Raise a ReplyError unless the token is valid."""
        with self._lock:
            if token not in self._tokens:
                raise ReplyError(401, "the access token has expired or is not valid")

    def instances(self) -> dict[str, Any]:
        """Return the account's instances in the format of the global search."""
        extensions = {"resource": {"backends": list(machine_names())}}
        item = {"crn": CRN, "name": "rehearsal", "service_plan_unique_id": PLAN, "tags": [], "doc": {"extensions": extensions}}
        return {"items": [item], "limit": 100}

    def machine(self, name: str) -> Machine:
        """Return the device with this name."""
        try:
            return Machine(name, self.noise, self._drifted)
        except InputError:
            raise ReplyError(404, f"no device {name} is known") from None

    def status(self, name: str) -> dict[str, Any]:
        """Return the status of a device, which says whether it takes jobs."""
        down = self.strikes("maintenance")
        with self._lock:
            waiting = sum(job.status == "Queued" for job in self._jobs.values())
        status = "maintenance" if down else "active"
        return {
            "name": name,
            "state": not down,
            "status": status,
            "message": status,
            "length_queue": waiting,
            "backend_version": "1",
        }

    def submit(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Create a job and return its id.

        Raises
        ------
        ReplyError
            If the job is refused, or the reply is corrupted although the job was created.
        ConnectionLostError
            If the reply is lost.
        """
        machine = self.machine(str(request.get("backend", "")))
        if request.get("program_id") != "executor":
            raise ReplyError(404, f"program {request.get('program_id')!r} is not served here")
        try:
            program = programs.read(request.get("params", {}), machine, seed=self.seed)
        except programs.RefusedError as error:
            self.refused = True
            raise ReplyError(400, str(error)) from None
        now, wait = time.monotonic(), self._queue_seconds
        duplicate, lagging = self.strikes("duplicate"), self.strikes("lagging-list")
        lost = self.strikes("lost-reply") or lagging
        if duplicate or self._spoilt_before(request):
            wait += DUPLICATE_QUEUE_SECONDS
        if self.strikes("slow-queue"):
            wait += QUEUE_SECONDS
        with self._changed:
            job = Job(
                id=f"job{len(self._jobs):04d}{secrets.token_hex(4)}",
                machine=machine,
                tags=[str(tag) for tag in request.get("tags", [])],
                session=request.get("session_id"),
                private=bool(request.get("private")),
                program=program,
                params=request.get("params", {}),
                created=_now(),
                due=now + wait,
                visible=now + (LAG_SECONDS if lagging else 0.0),
            )
            self._jobs[job.id] = job
            self._changed.notify_all()
        if lost:
            raise ConnectionLostError
        if duplicate:
            raise ReplyError(502, "the reply was damaged on its way")
        return {"id": job.id, "backend": machine.name}

    def _spoilt_before(self, request: Mapping[str, Any]) -> bool:
        """Return whether this request repeats one with a corrupted reply."""
        tags = [str(tag) for tag in request.get("tags", [])]
        with self._lock:
            return self._happened.get("duplicate", 0) > 0 and any(
                job.tags == tags and job.status == "Queued" for job in self._jobs.values()
            )

    def job(self, job_id: str) -> Job:
        """Return the job with this id."""
        with self._lock:
            if job_id not in self._jobs:
                raise ReplyError(404, f"job {job_id} is not known")
            return self._jobs[job_id]

    def forget(self, job_id: str) -> None:
        """Delete a job, so that it is in no listing and does not run."""
        with self._changed:
            del self._jobs[job_id]

    def jobs(
        self, *, tags: list[str], machine: str | None, pending: bool | None, limit: int, offset: int, ascending: bool
    ) -> Any:
        """Return a page of the jobs that have all these tags, by default the newest first."""
        now = time.monotonic()
        with self._lock:
            jobs = [
                job.document()
                for job in (self._jobs.values() if ascending else reversed(self._jobs.values()))
                if job.visible <= now
                and set(tags) <= set(job.tags)
                and machine in (None, job.machine.name)
                and pending in (None, job.status not in FINAL)
            ]
        return {"jobs": jobs[offset : offset + limit], "count": len(jobs), "limit": limit, "offset": offset}

    def result(self, job_id: str) -> str:
        """Return the result of a finished job, or the reason for its failure."""
        job = self.job(job_id)
        if job.status == "Failed":
            return job.reason
        if job.status != "Completed":
            raise ReplyError(404, f"job {job_id} has no result")
        with self._lock:
            once = job.private or self.strikes("read-once")
            job.reads += 1
            if once and job.reads > 1:
                raise ReplyError(404, f"the result of job {job_id} was read already and is gone")
        return job.result

    def cancel(self, job_id: str) -> None:
        """Cancel a job that has not ended."""
        job = self.job(job_id)
        with self._changed:
            if job.status in FINAL:
                raise ReplyError(409, f"job {job_id} has ended already")
            self._end(job, "Cancelled", "cancelled by the user")

    def metrics(self, job_id: str) -> dict[str, Any]:
        """Return the times of a job and its billed seconds."""
        job = self.job(job_id)
        return {
            "timestamps": {"created": job.created, "running": job.started, "finished": job.ended},
            "usage": {
                "qpu_charge_time_seconds": job.seconds,
                "quantum_seconds": job.seconds,
                "status": "complete" if job.status in FINAL else "pending",
            },
        }

    def open_session(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Open a session or a batch."""
        name = f"session{len(self._sessions):04d}"
        session = {
            "id": name,
            "backend_name": request.get("backend"),
            "mode": request.get("mode", "dedicated"),
            "max_ttl": request.get("max_ttl"),
            "state": "open",
            "accepting_jobs": True,
            "started_at": _now(),
            "timestamps": [],
        }
        with self._lock:
            self._sessions[name] = session
        return session

    def session(self, name: str, *, change: Mapping[str, Any] | None = None, close: bool = False) -> dict[str, Any]:
        """Return a session, after changing or closing it on request."""
        with self._lock:
            if name not in self._sessions:
                raise ReplyError(404, f"session {name} is not known")
            session = self._sessions[name]
            session |= change or {}
            if close:
                session |= {"state": "closed", "accepting_jobs": False, "closed_at": _now()}
                for job in self._jobs.values():
                    if job.session == name and job.status == "Queued":
                        self._end(job, "Cancelled", "its session was closed")
            session["elapsed_time"] = sum(job.seconds for job in self._jobs.values() if job.session == name)
            return dict(session)

    def _work(self) -> None:
        """Run the jobs one after the other, in the order of their submission."""
        while True:
            with self._changed:
                job = self._next()
                while job is None and not self._stopped:
                    self._changed.wait(timeout=self._pause())
                    job = self._next()
                if self._stopped or job is None:
                    return
                if self.strikes("cancelled-job"):
                    self._end(job, "Cancelled", "cancelled by the operator: the device goes into maintenance")
                    continue
                job.status, job.started, job.began = "Running", _now(), time.monotonic()
                machine = Machine(job.machine.name, self.noise, self._drifted)
                fails = self.strikes("failed-job")
            try:
                job.result = "" if fails else programs.run(job.program, machine, job.progressed)
                reason = "the control electronics lost their clock" if fails else ""
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
            with self._changed:
                if job.status == "Running":
                    if not reason:
                        job.seconds = job.program.seconds(machine)
                    self._end(job, "Failed" if reason else "Completed", reason)
                if self.strikes("drift"):
                    self._drifted = True

    def _next(self) -> Job | None:
        now = time.monotonic()
        return next((job for job in self._jobs.values() if job.status == "Queued" and job.due <= now), None)

    def _pause(self) -> float | None:
        due = [job.due for job in self._jobs.values() if job.status == "Queued"]
        return max(0.01, min(due) - time.monotonic()) if due else None

    def _end(self, job: Job, status: str, reason: str) -> None:
        job.status, job.reason, job.ended = status, reason, _now()
        job.done.set()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
