"""The page at /docs/: the description of the server for people, which needs no script."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from shlex import quote
from typing import Any

from regard.page import csp_hash
from regard.serving.description import Schema

DOCS_STYLE = """
:root { background: Canvas; color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; overflow-wrap: anywhere; }
h2 { border-top: 1px solid GrayText; margin-top: 2.5rem; padding-top: 1rem; }
h3 { font-size: 1rem; margin-bottom: 0; }
pre { border: 1px solid GrayText; padding: 0.5rem; white-space: pre-wrap; }
table { border-collapse: collapse; overflow-wrap: normal; }
th, td { padding: 0.2rem 1rem 0.2rem 0; text-align: left; vertical-align: top; }
"""
DOCS_SKELETON = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src {hash}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{about}</p>
<p>Programs read the same from <a href="{address}/spec">{address}/spec</a>.</p>
<nav><ul>
{contents}
</ul></nav>
{sections}
</main>
</body>
</html>
"""


def docs_page(description: Schema, address: str) -> str:
    """In HTML; `address` is that of the server, as the client writes it."""
    paths = without_references(description["paths"], description["components"]["schemas"])
    operations = [
        (method.upper(), path, operation)
        for path, methods in paths.items()
        for method, operation in methods.items()
    ]
    info = description["info"]
    return DOCS_SKELETON.format(
        hash=csp_hash(DOCS_STYLE),
        style=DOCS_STYLE,
        title=escape(f"{info['title']} {info['version']}"),
        about=escape(info["description"]),
        address=escape(address),
        contents="\n".join(
            f'<li><a href="#{escape(path)}"><code>{escape(path)}</code></a>:'
            f" {escape(operation['summary'])}</li>"
            for _, path, operation in operations
        ),
        sections="\n".join(
            "\n".join(section(method, path, operation, address))
            for method, path, operation in operations
        ),
    )


def section(method: str, path: str, operation: Schema, address: str) -> Iterator[str]:
    """What the page says of one operation."""
    yield f'<h2 id="{escape(path)}"><code>{method} {escape(path)}</code></h2>'
    yield f"<p>{escape(operation['summary'])}.</p>"
    yield f'<pre class="example">{escape(curl_command(path, operation, address))}</pre>'
    body = operation.get("requestBody", {"content": {}})
    for kind, content in body["content"].items():
        yield f"<h3>Parameters, in {escape(kind)}</h3>"
        yield parameter_table(content["schema"])
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    yield f"<h3>Answer</h3>\n<pre>{escape(outline(answer))}</pre>"
    yield "<details>\n<summary>Other answers</summary>"
    rows = (
        (status, response["description"])
        for status, response in operation["responses"].items()
        if status != "200"
    )
    yield html_table("Status", "Meaning", rows=rows)
    yield "</details>"


def parameter_table(schema: Schema) -> str:
    rows = (
        (name, kind_of(one) + needed(name, one, schema), one.get("description", ""))
        for name, one in schema["properties"].items()
    )
    return html_table("Name", "Type", "Meaning", rows=rows)


def needed(name: str, parameter: Schema, schema: Schema) -> str:
    if name in schema["required"]:
        return " (required)"
    return f" (else {parameter['default']})" if "default" in parameter else ""


def html_table(*names: str, rows: Iterator[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "\n".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"


def without_references(value: Any, schemas: Mapping[str, Schema]) -> Any:
    """The same with the schemas instead of references to them."""
    if isinstance(value, list):
        return [without_references(inner, schemas) for inner in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return schemas[value["$ref"].rpartition("/")[2]]
    return {name: without_references(inner, schemas) for name, inner in value.items()}


def kind_of(schema: Schema, ending: str = "") -> str:
    """The type of a value in words; `ending` is "s" for several of them."""
    if "anyOf" in schema:
        return " or ".join(kind_of(one, ending) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(schema["enum"])
    if schema["type"] == "array":
        return f"list{ending} of {kind_of(schema['items'], 's')}"
    return ("file" if schema.get("format") == "binary" else schema["type"]) + ending


def outline(schema: Schema, indent: str = "") -> str:
    """The shape of an answer, like JSON with types for values."""
    match schema:
        case {"anyOf": [first, {"type": "array", "items": items}]} if items == first:
            return f"{outline(first, indent)}, or a list of these"
        case {"type": "object", "properties": properties}:
            inner = f"{indent}  "
            fields = (f'{inner}"{name}": {outline(one, inner)}' for name, one in properties.items())
            return "{\n" + ",\n".join(fields) + f"\n{indent}}}"
        case {"type": "array", "items": items}:
            return f"[{outline(items, indent)}, ...]"
    return kind_of(schema)


def curl_command(path: str, operation: Schema, address: str) -> str:
    """An example that sends what is required."""
    words = ["curl", f"{address}{path}"]
    for kind, content in operation.get("requestBody", {"content": {}})["content"].items():
        schema = content["schema"]
        values = {name: schema["properties"][name]["examples"][0] for name in schema["required"]}
        if kind == "application/json":
            words += ["-H", f"Content-Type: {kind}"]
            words += ["-d", json.dumps(values, ensure_ascii=False)]
            continue
        for name, value in values.items():
            is_file = schema["properties"][name].get("format") == "binary"
            words += ["-F", f"{name}={'@' * is_file}{value}"]
    return " ".join(map(quote, words))
