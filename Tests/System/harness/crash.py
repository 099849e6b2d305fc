"""What a file system may hold after a crash, worked out from the system calls of a real run.

POSIX promises little: bytes are durable after the file's `fdatasync` or `fsync`, a name after its
folder's `fsync`, everything after `syncfs`; a rename happens whole or not at all. Whatever is
pending at the crash may be there, be missing, be there in part, or be there although something
older is missing. `Recording` turns an strace of the process into operations on the audit folder,
`Crash` into the folders that a crash behind one of them may leave.
"""

from __future__ import annotations

import random
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

TRACED = ("openat,pwrite64,pwritev,write,writev,sendto,sendmsg,fdatasync,fsync,syncfs,rename,"
          "renameat,renameat2,ftruncate,fallocate,unlinkat,unlink,mkdirat,mkdir,rmdir,linkat,"
          "copy_file_range,sync_file_range")
SECTOR = 512
LINE = re.compile(r"^(?P<pid>\d+) +(?P<rest>.*)$")
CALL = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+|\?)")
PLACE = re.compile(r"^(?P<number>-?\w+)<(?P<path>[^>]*)>")
RECEIPT = re.compile(rb"(?i)\r\naudit-receipt: ([0-9a-f]+\.[0-9a-f]+\.\d+\.\d+)\r\n")
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16


def tracer(output: Path, faults: tuple[str, ...] = ()) -> list[str]:
    """The words before a command that record its system calls, and those of its threads.

    A fault is what strace lets a call answer instead of doing it: `fdatasync:error=EIO:when=3`.
    What a sync that failed was to make durable may be there or not, as after none.
    """
    injected = [word for fault in faults for word in ("-e", f"inject={fault}")]
    return ["strace", "-D", "-f", "-y", "-xx", "--seccomp-bpf", "-s", str(1 << 24),
            "-e", f"trace={TRACED}", "-e", "signal=none", *injected, "-o", str(output)]


@dataclass(eq=False)
class Inode:
    """A file or a folder, apart from its names."""
    is_folder: bool = False
    mode: int = 0o640
    content: bytearray = field(default_factory=bytearray)
    names: dict[str, "Inode"] = field(default_factory=dict)


@dataclass
class Operation:
    """One change, or one sync, in the order in which the kernel did them."""
    kind: str
    inode: Inode | None = None
    name: str = ""
    folder: Inode | None = None
    other: tuple[Inode, str] | None = None
    offset: int = 0
    data: bytes = b""
    size: int = 0
    receipt: str = ""

    @property
    def is_sync(self) -> bool:
        return self.kind in ("sync", "sync-all")


def text(quoted: str) -> bytes:
    return bytes.fromhex(quoted.replace("\\x", ""))


class Recording:
    """The operations below `root`, and the answers and requests with receipts between them."""

    def __init__(self, root: Path, trace: Path, base: Path | None = None):
        self.root = Inode(is_folder=True, mode=0o750)
        self.path = str(root)
        self.operations: list[Operation] = []
        if base is not None:
            load(self.root, base)
        self.base = snapshot(self.root)
        self.files: dict[int, Inode] = {}
        for name, arguments, result in calls(trace.read_text()):
            if result >= 0:
                self.take(name, arguments, result)
        # The names and bytes were followed for the sake of the paths; images start at the base.
        restore(self.base)

    def take(self, name: str, arguments: list[str], result: int) -> None:
        if name in ("write", "writev", "sendto", "sendmsg") and "<\\x2f" not in arguments[0]:
            for receipt in RECEIPT.findall(b"".join(strings(arguments))):
                data = b"".join(strings(arguments))
                kind = "answer" if data.startswith(b"HTTP/1.") else "forward"
                self.operations.append(Operation(kind, receipt=receipt.decode()))
            return
        if name == "openat":
            self.open(arguments, result)
            return
        place = PLACE.match(arguments[0])
        path = text(place["path"]).decode(errors="replace") if place else ""
        if name in ("mkdirat", "unlinkat", "renameat", "renameat2", "linkat"):
            self.change_names(name, arguments)
        elif not self.holds(path):
            return
        elif name in ("fsync", "fdatasync"):
            self.add(Operation("sync", self.inode(place, path)))
        elif name == "syncfs":
            self.add(Operation("sync-all"))
        elif name == "pwrite64":
            data = strings(arguments)[0][:result]
            self.add(Operation("write", self.inode(place, path), data=data,
                               offset=int(arguments[-1])))
        elif name == "ftruncate":
            self.add(Operation("truncate", self.inode(place, path), size=int(arguments[1])))
        elif name == "fallocate":
            self.allocate(self.inode(place, path), arguments[1:])
        else:
            raise AssertionError(f"{name} on {path} is not understood")

    def allocate(self, inode: Inode, arguments: list[str]) -> None:
        mode = sum({"FALLOC_FL_KEEP_SIZE": KEEP_SIZE, "FALLOC_FL_PUNCH_HOLE": PUNCH_HOLE,
                    "FALLOC_FL_ZERO_RANGE": ZERO_RANGE}[word]
                   for word in arguments[0].split("|") if not word.isdigit())
        mode += sum(int(word) for word in arguments[0].split("|") if word.isdigit())
        offset, size = int(arguments[1]), int(arguments[2])
        if mode & (PUNCH_HOLE | ZERO_RANGE):
            end = min(offset + size, len(inode.content)) if mode & KEEP_SIZE else offset + size
            if end > offset:
                self.add(Operation("write", inode, data=bytes(end - offset), offset=offset))
        elif not mode & KEEP_SIZE and offset + size > len(inode.content):
            self.add(Operation("truncate", inode, size=offset + size))

    def holds(self, path: str) -> bool:
        return path == self.path or path.startswith(self.path + "/")

    def inode(self, place: re.Match, path: str) -> Inode:
        if int(place["number"]) in self.files:
            return self.files[int(place["number"])]
        return self.find(path)

    def find(self, path: str) -> Inode:
        inode = self.root
        for piece in Path(path).relative_to(self.path).parts:
            inode = inode.names[piece]
        return inode

    def at(self, folder: str, name: str) -> tuple[str, str] | None:
        """The folder's path and the last name of a path; nothing when it lies elsewhere."""
        place = PLACE.match(folder)
        start = Path(text(place["path"]).decode())
        # Path joins an absolute name as such, and takes out single dots.
        path = start / text(name.strip('"')).decode()
        if not self.holds(str(path)) or str(path) == self.path:
            return None
        return str(path.parent), path.name

    def open(self, arguments: list[str], result: int) -> None:
        place = self.at(arguments[0], arguments[1])
        self.files.pop(result, None)
        if place is None:
            return
        folder, flags = self.find(place[0]), arguments[2]
        inode = folder.names.get(place[1])
        if inode is None:
            assert "O_CREAT" in flags, (place, flags)
            inode = Inode(mode=int(arguments[3], 8))
            self.add(Operation("name", inode, place[1], folder))
        elif "O_TRUNC" in flags and inode.content:
            self.add(Operation("truncate", inode, size=0))
        self.files[result] = inode

    def change_names(self, name: str, arguments: list[str]) -> None:
        place = self.at(arguments[0], arguments[1])
        if place is None:
            if name == "mkdirat" or name == "unlinkat":
                return
            assert self.at(arguments[2], arguments[3]) is None, "renamed into the folder"
            return
        folder = self.find(place[0])
        if name == "mkdirat":
            inode = Inode(is_folder=True, mode=int(arguments[2], 8))
            self.add(Operation("name", inode, place[1], folder))
        elif name == "unlinkat" and place[1] not in folder.names:
            pass  # A socket: it is bound, not made.
        elif name == "unlinkat":
            self.add(Operation("remove", folder.names[place[1]], place[1], folder))
        else:
            other = self.at(arguments[2], arguments[3])
            assert other is not None, "renamed out of the folder"
            kind = "name" if name == "linkat" else "rename"
            inode, target = folder.names[place[1]], self.find(other[0])
            if kind == "name":
                self.add(Operation("name", inode, other[1], target))
            else:
                self.add(Operation("rename", inode, place[1], folder, (target, other[1])))

    def add(self, operation: Operation) -> None:
        self.operations.append(operation)
        apply(operation)


def calls(trace: str):
    """Each call with its arguments and result, at the moment when its result was known.

    What is sent counts from when it was begun: the peer may have it from then on.
    """
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        found = LINE.match(line)
        if not found:
            continue
        pid, rest = found["pid"], found["rest"]
        if rest.endswith("<unfinished ...>"):
            start = rest.removesuffix("<unfinished ...>").rstrip()
            if start.startswith(("send", "write")) and "<\\x2f" not in start[:20]:
                name, arguments = start.split("(", 1)
                yield name, split(arguments), 0
                start = ""
            begun[pid] = start
            continue
        if rest.startswith("<... "):
            start = begun.pop(pid, "")
            if not start:
                continue
            rest = start + rest.split(" resumed>", 1)[1]
        if found := CALL.match(rest):
            result = -1 if found["result"] == "?" else int(found["result"])
            yield found["name"], split(found["arguments"]), result


def split(arguments: str) -> list[str]:
    """Splits at the commas outside of quotes and brackets; strings hold hexadecimal digits only."""
    out, depth, start = [], 0, 0
    for position, character in unquoted(arguments):
        if character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character == "," and depth == 0:
            out.append(arguments[start:position].strip())
            start = position + 1
    return [*out, arguments[start:].strip()]


def unquoted(arguments: str):
    """The characters outside of quotes and their places: a write's bytes are most of a line."""
    position = 0
    while position < len(arguments):
        if arguments[position] == '"':
            position = arguments.index('"', position + 1)
        else:
            yield position, arguments[position]
        position += 1


def strings(arguments: list[str]) -> list[bytes]:
    return [text(found) for one in arguments for found in re.findall(r'"([^"]*)"', one)]


def apply(operation: Operation, ranges: list[tuple[int, int]] | None = None) -> None:
    """Carries an operation out; of a write, only `ranges` of its bytes."""
    inode = operation.inode
    if operation.kind == "write":
        end = operation.offset + len(operation.data)
        if len(inode.content) < end:
            inode.content.extend(bytes(end - len(inode.content)))
        for first, last in ranges if ranges is not None else [(0, len(operation.data))]:
            inode.content[operation.offset + first:operation.offset + last] = (
                operation.data[first:last])
    elif operation.kind == "truncate":
        if len(inode.content) > operation.size:
            del inode.content[operation.size:]
        else:
            inode.content.extend(bytes(operation.size - len(inode.content)))
    elif operation.kind == "name":
        operation.folder.names[operation.name] = inode
    elif operation.kind == "remove":
        if operation.folder.names.get(operation.name) is inode:
            del operation.folder.names[operation.name]
    elif operation.kind == "rename":
        if operation.folder.names.get(operation.name) is inode:
            del operation.folder.names[operation.name]
        folder, name = operation.other
        folder.names[name] = inode


def load(folder: Inode, path: Path) -> None:
    for entry in sorted(path.iterdir()):
        inode = Inode(is_folder=entry.is_dir(), mode=entry.stat().st_mode & 0o7777)
        folder.names[entry.name] = inode
        if inode.is_folder:
            load(inode, entry)
        else:
            inode.content = bytearray(entry.read_bytes())


def snapshot(inode: Inode, seen=None) -> dict[int, tuple[Inode, bytes, dict]]:
    seen = {} if seen is None else seen
    seen[id(inode)] = (inode, bytes(inode.content), dict(inode.names))
    for child in inode.names.values():
        snapshot(child, seen)
    return seen


def restore(seen: dict[int, tuple[Inode, bytes, dict]]) -> None:
    for inode, content, names in seen.values():
        inode.content, inode.names = bytearray(content), dict(names)


class Crash:
    """The moment behind the first `count` operations."""

    def __init__(self, recording: Recording, count: int):
        self.recording = recording
        self.count = count
        self.done = recording.operations[:count]
        self.pending: list[int] = []
        for index, operation in enumerate(self.done):
            if operation.kind in ("answer", "forward"):
                continue
            if operation.kind == "sync-all":
                self.pending = []
            elif operation.kind == "sync":
                self.pending = [one for one in self.pending
                                if not covers(operation, self.done[one])]
            else:
                self.pending.append(index)

    def receipts(self, kind: str) -> list[str]:
        return [one.receipt for one in self.done if one.kind == kind]

    def states(self) -> list[dict[int, list | None]]:
        """What may have become of the pending operations: those that happened, in part or whole.

        None, all, each alone, each missing; a write alone cut or with holes, before the rest or
        without it.
        """
        every = {index: None for index in self.pending}
        out = [{}, every] if self.pending else [{}]
        for index in self.pending:
            out.append({index: None})
            out.append({one: None for one in self.pending if one != index})
            if self.done[index].kind == "write":
                for ranges in torn(len(self.done[index].data)):
                    out += [{**every, index: ranges}, {index: ranges}]
        return out

    def chance(self, dice: random.Random) -> dict[int, list | None]:
        """Any of the many other states."""
        state: dict[int, list | None] = {}
        for index in self.pending:
            if dice.random() < 0.5:
                continue
            state[index] = None
            size = len(self.done[index].data)
            if self.done[index].kind == "write" and size and dice.random() < 0.5:
                cuts = sorted(dice.randrange(size + 1) for _ in range(dice.choice([1, 2, 4])))
                ends = [0, *cuts, size]
                state[index] = [pair for pair in zip(ends, ends[1:]) if dice.random() < 0.6]
        return state

    def build(self, state: dict[int, list | None], target: Path) -> None:
        """Writes the folder that the crash leaves when exactly `state` of what is pending is."""
        restore(self.recording.base)
        fresh = {id(one.inode): one.inode for one in self.recording.operations
                 if one.inode is not None and id(one.inode) not in self.recording.base}
        for inode in fresh.values():
            inode.content, inode.names = bytearray(), {}
        left = set(self.pending) - set(state)
        for index, operation in enumerate(self.done):
            if index not in left:
                apply(operation, state.get(index))
        shutil.rmtree(target, ignore_errors=True)
        store(self.recording.root, target)

    def durable(self) -> dict[str, bytes]:
        """What is certain to be there: each file's path and bytes."""
        target: dict[str, bytes] = {}
        restore(self.recording.base)
        for one in self.recording.operations:
            if one.inode is not None and id(one.inode) not in self.recording.base:
                one.inode.content, one.inode.names = bytearray(), {}
        pending = set(self.pending)
        for index, operation in enumerate(self.done):
            if index not in pending:
                apply(operation)
        walk(self.recording.root, "", target)
        return target


def covers(sync: Operation, operation: Operation) -> bool:
    if operation.kind in ("write", "truncate"):
        return operation.inode is sync.inode
    if operation.kind == "rename":
        return sync.inode in (operation.folder, operation.other[0])
    return operation.folder is sync.inode


def torn(size: int) -> list[list[tuple[int, int]]]:
    """Cut at a byte, cut at a sector, the end without the beginning, room without bytes."""
    ranges = [[], [(0, 1)], [(0, size // 2)], [(0, size - 1)], [(size // 2, size)]]
    ranges += [[(0, SECTOR)], [(SECTOR, size)], [(0, size // SECTOR * SECTOR)]] * (size > SECTOR)
    return ranges


def store(inode: Inode, path: Path) -> None:
    if not inode.is_folder:
        path.write_bytes(inode.content)
        path.chmod(inode.mode)
        return
    path.mkdir(parents=True)
    path.chmod(inode.mode)
    for name, child in inode.names.items():
        store(child, path / name)


def walk(inode: Inode, path: str, out: dict[str, bytes]) -> None:
    for name, child in inode.names.items():
        if child.is_folder:
            walk(child, f"{path}{name}/", out)
        else:
            out[path + name] = bytes(child.content)
