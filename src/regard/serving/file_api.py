"""The endpoints that translate files: documents of all formats that `documents` reads."""

import asyncio
from collections.abc import Sequence
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from regard.documents.file_document import DocumentSegment, FileDocument
from regard.documents.readers import SUFFIXES, format_of, read_file_document
from regard.errors import RegardError
from regard.serving.access import Access
from regard.serving.answers import SortedJson, while_connected
from regard.serving.catalog import SAMPLE_CHARACTERS, sample_of
from regard.serving.contract import (
    AUTO_LANGUAGE,
    UNREADABLE,
    Refused,
    RequestLimits,
    check_direction,
    check_size,
    content_type,
    known_language,
    no_space,
    read_parameters,
    required_text,
)
from regard.serving.file_store import FileStore, translated_name
from regard.serving.service import Service, Wanted

DISABLED = "Files translation are disabled on this server."
FORM_TYPE = "multipart/form-data"


class FileApi:
    def __init__(
        self, service: Service, access: Access, limits: RequestLimits, is_enabled: bool
    ) -> None:
        self.service, self.access, self.limits = service, access, limits
        self.is_enabled, self.store = is_enabled, FileStore()

    def routes(self) -> list[Route]:
        return [
            Route("/translate_file", self.translate_file, methods=["POST"]),
            Route("/download_file/{key:path}", self.download_file, methods=["GET"]),
        ]

    @property
    def suffixes(self) -> list[str]:
        return list(SUFFIXES) if self.is_enabled else []

    async def translate_file(self, request: Request) -> Response:
        """Raises Refused."""
        if not self.is_enabled:
            raise Refused(DISABLED, 403)
        if content_type(request) != FORM_TYPE:
            raise Refused(UNREADABLE)
        parameters = await read_parameters(request, self.limits)
        limits = self.access.check(request, parameters)
        source, target = (required_text(parameters, each) for each in ("source", "target"))
        upload = parameters.get("file")
        if not isinstance(upload, UploadFile):
            raise Refused(UNREADABLE)
        name = upload.filename or ""
        if not name:
            raise Refused("Invalid request: missing file parameter")
        if not format_of(name):
            raise Refused("Invalid request: file format not supported")
        target = known_language(self.service.catalog, target)
        is_named = source != AUTO_LANGUAGE
        source = known_language(self.service.catalog, source) if is_named else ""
        document = await read_document_of(name, await upload.read(), (source, target))
        if not source:
            source = self.service.catalog.guesses(sample_of_segments(document.segments))[0].code
        check_direction(self.service.catalog, source, target)
        check_size(sum(len(segment.text) for segment in document.segments), limits.characters)
        work = self.translations(document.segments, source, target)
        texts = await while_connected(request, work, self.limits.seconds)
        written = await asyncio.to_thread(document.write, texts)
        try:
            key = self.store.put(translated_name(name, target), written)
        except OSError as error:
            raise no_space() from error
        prefix = request.scope.get("root_path", "")
        address = request.url.replace(path=f"{prefix}/download_file/{quote(key)}", query="")
        return SortedJson({"translatedFileUrl": str(address)})

    async def translations(
        self, segments: Sequence[DocumentSegment], source: str, target: str
    ) -> list[str]:
        """Of each segment. Raises QueueFull and JobFailed."""
        texts: dict[DocumentSegment, str] = {}
        for form in dict.fromkeys(segment.form for segment in segments):
            own = list(dict.fromkeys(one for one in segments if one.form == form))
            translated = await self.service.translate(
                [one.text for one in own], [source] * len(own), Wanted(target, form)
            )
            texts |= {one: done.text for one, done in zip(own, translated, strict=True)}
        return [texts[segment] for segment in segments]

    async def download_file(self, request: Request) -> Response:
        """Raises Refused."""
        if not self.is_enabled:
            raise Refused(DISABLED)
        key = request.path_params["key"]
        if "/" in key or "\\" in key or ".." in key:
            raise Refused("Invalid filename")
        for file in self.store.find(key):
            return FileResponse(
                file.path, filename=file.name, content_disposition_type="attachment"
            )
        raise HTTPException(404)


async def read_document_of(name: str, content: bytes, languages: tuple[str, str]) -> FileDocument:
    """Raises Refused if the content is not what its name says."""
    try:
        return await asyncio.to_thread(read_file_document, name, content, languages)
    except RegardError as error:
        raise Refused(f"{error.what} ({error.where}): {error.to_do}") from error


def sample_of_segments(segments: Sequence[DocumentSegment]) -> str:
    sample = ""
    for segment in segments:
        sample += sample_of(*segment) + "\n"
        if len(sample) >= SAMPLE_CHARACTERS:
            break
    return sample
