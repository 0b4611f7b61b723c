"""URLs that need no token: bound to a job, an artifact, its content and a time."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from itsdangerous import BadSignature, URLSafeSerializer

from adhash.clock import Clock
from adhash.service.errors import BadSignatureError
from adhash.service.models import SignedUrl
from adhash.service.records import ArtifactRecord

_SALT = "adhash.artifact.v1"
_KEY_FILE = "signing.key"


class UrlSigner:
    """Makes and checks signatures; the first key signs, every key is accepted.

    Parameters
    ----------
    keys : sequence of str
        At least one; the newest first.
    clock : Clock
        Tells what has expired.
    """

    def __init__(self, keys: Sequence[str], clock: Clock) -> None:
        # itsdangerous signs with the last key of its list.
        self._serializer = URLSafeSerializer(
            list(reversed(keys)),
            salt=_SALT,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )
        self._clock = clock

    def sign(self, job_id: str, artifact: ArtifactRecord, *, ttl_s: int) -> SignedUrl:
        """Return a URL of an artifact that is good for some time.

        Parameters
        ----------
        job_id : str
            The job.
        artifact : ArtifactRecord
            Its artifact; another content under the same name needs another URL.
        ttl_s : int
            How long, in seconds.

        Returns
        -------
        SignedUrl
            A path with its query.
        """
        expires_at = (self._clock.now() + timedelta(seconds=ttl_s)).replace(microsecond=0)
        claims = _claims(job_id, artifact, expires_at)
        signature = self._serializer.dumps(claims)
        text = signature if isinstance(signature, str) else signature.decode()
        path = f"/api/jobs/{job_id}/artifacts/{quote(artifact.name)}"
        return SignedUrl(url=f"{path}?signature={text}", expires_at=expires_at)

    def check(self, signature: str, job_id: str, artifact: ArtifactRecord) -> None:
        """Refuse a signature that is not of this artifact or has expired.

        Parameters
        ----------
        signature : str
            From the URL.
        job_id : str
            The job.
        artifact : ArtifactRecord
            As it is now.

        Raises
        ------
        BadSignatureError
            If it is not valid.
        """
        try:
            claims = self._serializer.loads(signature)
            expires_at = datetime.fromisoformat(claims[-1])
            is_fitting = claims == _claims(job_id, artifact, expires_at)
        except (BadSignature, ValueError, TypeError, IndexError, KeyError):
            raise BadSignatureError("the signature is not valid for this artifact") from None
        if not is_fitting:
            raise BadSignatureError("the signature is not valid for this artifact")
        if expires_at <= self._clock.now():
            raise BadSignatureError(
                f"the URL expired at {expires_at.isoformat()}", hint="ask for a new one"
            )


def _claims(job_id: str, artifact: ArtifactRecord, expires_at: datetime) -> list[str]:
    return [job_id, artifact.name, artifact.sha256, "GET", expires_at.isoformat()]


def load_keys(given: Sequence[str], job_root: Path) -> list[str]:
    """Return the keys to sign with: those given, or one that is made once and kept.

    Parameters
    ----------
    given : sequence of str
        From the settings.
    job_root : Path
        Where the key is kept, readable by its owner alone.

    Returns
    -------
    list of str
        At least one.

    Raises
    ------
    OSError
        If the key cannot be kept.
    """
    if given:
        return list(given)
    path = job_root / _KEY_FILE
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
    return [path.read_text().strip()]
