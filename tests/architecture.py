"""The house rules of edgetx as functions over its sources: each takes a tree and yields one sentence per breach.

A *tree* maps a path to its text (`edgetx/audio/wav.py`), so that a rule can be tried on a made-up tree as well: a
check that cannot fail is a defect. Nothing is imported; everything is read off the syntax, wherever it stands: an
import inside a function or under ``TYPE_CHECKING`` is an import.
"""

import ast
import sys
from collections.abc import Iterator

Tree = dict[str, str]

GROUND = {"errors", "config", "provider_settings", "secret", "decode", "scalars", "checks", "document", "health"}
GROUND |= {"retry", "clock", "tokens", "board", "boards", "listening"}
WIRING = {
    "aside",
    "keys",
    "control",
    "daemon",
    "device_commands",
    "leftovers",
    "levels",
    "memory",
    "metering",
    "mute_command",
    "mutes",
    "picture",
    "plans",
    "records",
    "reload",
    "reload_note",
    "replay",
    "restart",
    "roster",
    "screen",
    "state",
    "store",
    "supervisor",
    "systemd",
    "wiring",
    "log",
    "microphone",
    "monitor",
    "doctor",
    "gating",
}
STAGE_MAY_IMPORT = {
    "audio": {"audio"},
    "speech": {
        "speech",
        "audio.format",
        "audio.log",
        "audio.heard",
        "audio.spoken",
        "audio.resample",
    },  # The last: some providers want 8 kHz.
    "mqtt": {"mqtt", "speech.events"},
}
DOORS = {
    "systemd": {"edgetx/systemd.py"},
    "alsaaudio": {"edgetx/audio/alsa.py", "edgetx/audio/alsa_devices.py"},
    "soxr": {"edgetx/audio/resample.py"},
    "websockets": {"edgetx/speech/websocket.py"},
    "socketio": {"edgetx/speech/socketio_codec.py"},
    "engineio": {"edgetx/speech/socketio_engine.py"},
    "aiohttp": {"edgetx/speech/socketio_engine.py"},
    "pocketsphinx": {"edgetx/speech/recogniser.py"},
    "paho": {"edgetx/mqtt/connection.py", "edgetx/mqtt/client.py"},
    "sqlite3": {"edgetx/store.py"},
    "yaml": {"edgetx/document.py"},
    "numpy": {"edgetx/audio/"},
    "PIL": {"edgetx/picture.py"},
}
BROAD = {"Exception", "BaseException"}
MAY_CATCH_BROADLY = {"edgetx/supervisor.py"}
IMPURE = {
    "asyncio",
    "os",
    "random",
    "secrets",
    "select",
    "selectors",
    "signal",
    "socket",
    "subprocess",
    "threading",
    "time",
}
CHANGERS = {"add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popleft", "remove"}
CHANGERS |= {"setdefault", "update"}
FILE_LINES = 300
FUNCTION_LINES = 40

Function = ast.FunctionDef | ast.AsyncFunctionDef


# --- reading a tree --------------------------------------------------------------------------------------------


def nodes(tree: Tree) -> Iterator[tuple[str, ast.AST]]:
    """Every node of every file, with the file's path."""
    for path, text in tree.items():
        for node in ast.walk(ast.parse(text)):
            yield path, node


def module_of(path: str) -> str:
    """``edgetx/audio/wav.py`` is ``edgetx.audio.wav``; a package is named by its folder."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(tree: Tree) -> Iterator[tuple[str, int, str]]:
    """(path, line, dotted name) of all that is imported; a name out of a package is told from a module by the tree."""
    modules = {module_of(path) for path in tree}
    for path, node in nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((path, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(path, node)
            for name in sorted({f"{base}.{alias.name}" for alias in node.names}):
                yield path, node.lineno, name if name in modules else base


def _base(path: str, node: ast.ImportFrom) -> str:
    above = path.removesuffix(".py").split("/")[: -node.level] if node.level else []
    return ".".join([*above, node.module] if node.module else above)


# --- rule 1: layers --------------------------------------------------------------------------------------------


def layer_breaches(tree: Tree) -> Iterator[str]:
    """Ground imports ground; a stage imports ground, itself and the named values of the one before; only app wires."""
    for path, line, name in imports(tree):
        importer, imported = module_of(path).removeprefix("edgetx."), name.removeprefix("edgetx.")
        if name.startswith("edgetx.") and not _may_import(importer, imported):
            yield f"{path}:{line}: {importer} must not import {imported}"
    for path in tree:
        head = module_of(path).removeprefix("edgetx.").partition(".")[0]
        if head not in {"edgetx", "cli", "app", "__main__", *GROUND, *WIRING, *STAGE_MAY_IMPORT}:
            yield f"{path}:1: {head} belongs to no layer; say in tests/architecture.py which one"


def _may_import(importer: str, imported: str) -> bool:
    stage = importer.partition(".")[0]
    if imported == "cli":
        return importer == "__main__"
    if imported == "app":
        return importer == "cli"
    if stage in {"cli", "app"} | WIRING or imported in GROUND:  # "doctor" is a package.
        return True
    allowed = STAGE_MAY_IMPORT.get(stage, set())
    return imported in allowed or imported.partition(".")[0] in allowed


# --- rule 2: doors ---------------------------------------------------------------------------------------------


def door_breaches(tree: Tree) -> Iterator[str]:
    """An outside library is imported by its door only, and so is one of Python's own that has a door."""
    for path, line, name in imports(tree):
        library = name.partition(".")[0]
        if library == "edgetx" or (library in sys.stdlib_module_names and library not in DOORS):
            continue
        doors = DOORS.get(library, set())
        if path not in doors and not any(door.endswith("/") and path.startswith(door) for door in doors):
            yield f"{path}:{line}: {library} enters through {' or '.join(sorted(doors)) or 'no door yet'}, not here"


def broad_except_breaches(tree: Tree) -> Iterator[str]:
    """Only the supervisor may catch what it does not know."""
    for path, node in nodes(tree):
        if path in MAY_CATCH_BROADLY:
            continue
        if isinstance(node, ast.ExceptHandler) and (node.type is None or _names(node.type) & BROAD):
            yield f"{path}:{node.lineno}: catches everything"
        suppresses = isinstance(node, ast.Call) and "suppress" in _names(node.func)
        if suppresses and any(_names(argument) & BROAD for argument in node.args):
            yield f"{path}:{node.lineno}: suppresses everything"


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} | {
        part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)
    }


# --- rule 3: no circles, no globals, constructors assign -------------------------------------------------------


def circle_breaches(tree: Tree) -> Iterator[str]:
    """No module imports itself over others."""
    edges: dict[str, set[str]] = {module_of(path): set() for path in tree}
    for path, _, name in imports(tree):
        if name in edges and name != module_of(path):
            edges[module_of(path)].add(name)
    while leaves := {module for module, needs in edges.items() if not needs & edges.keys()}:
        edges = {module: needs for module, needs in edges.items() if module not in leaves}
    if edges:
        yield f"an import circle runs through {', '.join(sorted(edges))}, or through some of them"


def global_breaches(tree: Tree) -> Iterator[str]:
    """A module's names are constants, types and its logger: named so, and changed by nobody."""
    for path, node in nodes(tree):
        if isinstance(node, ast.Global):
            yield f"{path}:{node.lineno}: global {', '.join(node.names)}"
        if isinstance(node, ast.Module):
            yield from _module_breaches(path, node)


def _module_breaches(path: str, module: ast.Module) -> Iterator[str]:
    owned: set[str] = set()
    for statement in module.body:
        for name in _assigned(statement):
            owned.add(name)
            if not (name.lstrip("_")[:1].isupper() or name.startswith("__") or _is_logger(statement)):
                yield f"{path}:{statement.lineno}: {name} is a global variable"
    for function in (node for node in ast.walk(module) if isinstance(node, Function)):
        for node in ast.walk(function):
            if (name := _changed(node)) in owned:
                yield f"{path}:{node.lineno}: {function.name} changes the module's {name}"


def _is_logger(statement: ast.stmt) -> bool:
    return " = logging.getLogger(" in ast.unparse(statement)


def _assigned(statement: ast.stmt) -> Iterator[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    for target in targets:
        yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name)) if target else ()


def _changed(node: ast.AST) -> str:
    """The name whose value ``node`` changes: by an item, an attribute, or a method known to change its object."""
    if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
        return getattr(node.value, "id", "")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGERS:
        return getattr(node.func.value, "id", "")
    return ""


def constructor_breaches(tree: Tree) -> Iterator[str]:
    """``__init__`` assigns, and calls its parent's; nothing else."""
    for path, node in nodes(tree):
        if isinstance(node, Function) and node.name == "__init__":
            for statement in node.body:
                if not _only_assigns(statement):
                    yield f"{path}:{statement.lineno}: a constructor does more than assign"


def _only_assigns(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant) or ast.unparse(statement).startswith("super().__init__(")
    opens = any(isinstance(part, ast.Call) and _names(part.func) & {"open", "connect"} for part in ast.walk(statement))
    return isinstance(statement, ast.Assign | ast.AnnAssign) and not opens


# --- rule 4: pure modules --------------------------------------------------------------------------------------


def purity_breaches(tree: Tree, pure: list[str]) -> Iterator[str]:
    """What is listed as pure reads no clock, draws no lot, does no I/O and never awaits."""
    listed = {path: text for path, text in tree.items() if path in pure}
    for path, line, name in imports(listed):
        if name.partition(".")[0] in IMPURE:
            yield f"{path}:{line}: a pure module must not import {name}"
    for path, node in nodes(listed):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            yield f"{path}:{node.lineno}: a pure module must not be asynchronous"
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {
            "datetime.now",
            "datetime.utcnow",
            "date.today",
            "open",
        }:
            yield f"{path}:{node.lineno}: a pure module must not call {ast.unparse(node.func)}"


# --- size and words --------------------------------------------------------------------------------------------


def size_breaches(tree: Tree) -> Iterator[str]:
    """Files and functions that can be read at one sitting; a docstring does not count in a function."""
    for path, text in tree.items():
        if (lines := len(text.splitlines())) > FILE_LINES:
            yield f"{path}: {lines} lines, more than {FILE_LINES}"
    for path, node in nodes(tree):
        if isinstance(node, Function) and (lines := _length(node)) > FUNCTION_LINES:
            yield f"{path}:{node.lineno}: {node.name} has {lines} lines, more than {FUNCTION_LINES}"


def _length(function: Function) -> int:
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    has_docstring = ast.get_docstring(function, clean=False) is not None
    return lines - ((first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0)


def docstring_breaches(tree: Tree) -> Iterator[str]:
    """Every file says what it is."""
    for path, text in tree.items():
        if not ast.get_docstring(ast.parse(text)):
            yield f"{path}:1: has no docstring"
