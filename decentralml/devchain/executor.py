"""Running a Substrate runtime in wasmtime.

An instance is used for one call after another: making one costs 3 ms, putting its memory back to
what it was costs a tenth. Before each call the memory is restored in full: the region below the
heap (stack, data) from a copy taken after instantiation, the used heap and the host's arena to
zeros. The stack pointer is back at its start when a call returns; after a trap it is not, and the
instance is thrown away.

Host functions are bound through wasmtime's *unchecked* C interface: a callback gets the address of
an array of 16-byte slots with the arguments, puts its result in the first one, and returns a trap
or nothing. Per call that is a tenth of the cost of the checked Python interface, and a block makes
hundreds of calls. The types are checked once, when the module is linked.

Memory:  0 | stack, data | heap base: lists, heap | heap base + HEAP: arena | grows on demand
"""

from __future__ import annotations

import ctypes
import inspect
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import wasmtime
from wasmtime import _ffi as ffi

from decentralml.devchain.codec import DecodeError
from decentralml.devchain.host import FUNCTIONS, HostFunction, inside
from decentralml.devchain.host.context import Host
from decentralml.devchain.host.control import CONTROL, SCHEDULE, USED
from decentralml.devchain.host.inside_blake2b import SCHEDULE_ROWS
from decentralml.devchain.host.keystore import Keystore
from decentralml.devchain.host.memory import PAGE, GuestFault, GuestMemory, Image
from decentralml.devchain.overlay import Overlay
from decentralml.errors import RuntimeTrapped, RuntimeUnusable, UnknownRuntimeCall

HEAP: Final = 256 << 20
"""Bytes of heap a runtime may use; only touched pages take memory."""
_ARENA: Final = 1 << 20
"""Bytes of arena to begin with."""
_TOO_DIRTY: Final = 64 << 20
"""An instance that used more than this is thrown away: its pages go back to the system."""
_SLOT: Final = 16

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t
)
_Finalizer = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_u64 = ctypes.c_uint64.from_address
_u32 = ctypes.c_uint32.from_address


class Executor:
    """One runtime, ready to be called. Not thread-safe, not reentrant."""

    def __init__(
        self,
        module: wasmtime.Module,
        inside_module: wasmtime.Module,
        engine: wasmtime.Engine,
        read_version: Callable[[bytes], bytes | None],
    ) -> None:
        """`inside_module` is the compiled :data:`decentralml.devchain.host.inside.SOURCE`."""
        self._module = module
        self._inside = inside_module
        self._engine = engine
        self._read_version = read_version
        self._keystore = Keystore()
        self._exports = {export.name for export in module.exports}
        self._instance: _Instance | None = None

    def has(self, api: str) -> bool:
        """Whether the runtime exports this call."""
        return api in self._exports and not api.startswith("__")

    def call(self, api: str, data: bytes, overlay: Overlay) -> bytes:
        """Run ``Api_method`` on SCALE `data`; its changes are in `overlay` when it succeeds.

        Raises :class:`RuntimeTrapped`; then `overlay` is as if the call had not been.
        """
        if not self.has(api):
            raise UnknownRuntimeCall(api)
        if self._instance is None:
            self._instance = _Instance(
                self._module, self._inside, self._engine, self._keystore, self._read_version
            )
        instance, self._instance = self._instance, None
        depth = overlay.depth
        overlay.begin()
        try:
            result = instance.call(api, data, overlay)
            if overlay.depth != depth + 1:
                raise RuntimeTrapped(api, "it left a storage transaction open")
        except BaseException:
            while overlay.depth > depth:
                overlay.rollback()
            raise
        overlay.commit()
        if instance.used() < _TOO_DIRTY:
            self._instance = instance
        return result


class _Instance:
    def __init__(
        self,
        module: wasmtime.Module,
        inside_module: wasmtime.Module,
        engine: wasmtime.Engine,
        keystore: Keystore,
        read_version: Callable[[bytes], bytes | None],
    ) -> None:
        self._fault: BaseException | None = None
        self._callbacks: list[Any] = []  # wasmtime holds their addresses
        self._store = wasmtime.Store(engine)
        self._memory = _own_memory(module, self._store)
        linker = wasmtime.Linker(engine)
        for wanted in module.imports:
            name = str(wanted.name)
            if isinstance(wanted.type, wasmtime.MemoryType):
                linker.define(self._store, wanted.module, name, self._memory)
            elif isinstance(wanted.type, wasmtime.FuncType) and name not in inside.FUNCTIONS:
                self._define(linker, wanted.module, name, wanted.type)
        own = wasmtime.Instance(self._store, inside_module, [self._memory])
        functions: Any = own.exports(self._store)
        for name in inside.FUNCTIONS:
            linker.define(self._store, "env", name, functions[name])
        try:
            instance = linker.instantiate(self._store, module)
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            why = str(error).strip().partition("\n")[0]
            raise RuntimeUnusable(f"it does not start ({why})") from error
        self._exports: Any = instance.exports(self._store)
        control = self._heap_base()
        functions["place"](self._store, control, HEAP)
        self._heap = control + CONTROL
        arena = self._heap + HEAP
        self._grow(max(0, -(-(arena + _ARENA - self._grow(0)) // PAGE)))
        base = ctypes.addressof(self._memory.data_ptr(self._store).contents)
        memory = GuestMemory(base, arena, self._grow)
        memory.write(control + SCHEDULE, SCHEDULE_ROWS)
        self._image = Image.of(base, self._heap)
        self._host = Host(memory, read_version, keystore)
        self._functions: dict[str, wasmtime.Func] = {}
        self._clean = True

    def used(self) -> int:
        return self._heap_used() + self._host.memory.used

    def call(self, api: str, data: bytes, overlay: Overlay) -> bytes:
        host = self._host
        if not self._clean:
            host.memory.restore(self._image, self._heap_used())
        self._clean = False
        self._fault = None
        host.overlay, host.floor, host.batch = overlay, overlay.depth, None
        host.errors.clear()
        try:
            function = self._function(api)
            pointer = host.memory.give(data) if data else 0
            returned = self._run(function, pointer, len(data))
            return host.memory.read_fat(returned)
        except GuestFault as fault:
            raise RuntimeTrapped(api, str(fault)) from None
        except _Trap as trap:
            if isinstance(self._fault, GuestFault | DecodeError):
                raise RuntimeTrapped(api, str(self._fault)) from self._fault
            if self._fault is not None:  # a damaged file, an interrupt: not the guest's doing
                raise self._fault from None
            raise RuntimeTrapped(api, "; ".join(host.errors) or str(trap)) from None
        finally:
            host.overlay = None

    # -- making it

    def _heap_base(self) -> int:
        found = self._exports.get("__heap_base")
        if not isinstance(found, wasmtime.Global):
            raise RuntimeUnusable("it does not export __heap_base")
        return (int(found.value(self._store)) + 7) & ~7

    def _define(
        self, linker: wasmtime.Linker, module: str, name: str, kind: wasmtime.FuncType
    ) -> None:
        callback = _Callback(self._callback(name, kind))
        self._callbacks.append(callback)
        spaces = (module.encode(), name.encode())
        error = ffi.wasmtime_linker_define_func_unchecked(
            linker.ptr(),
            ctypes.create_string_buffer(spaces[0]),
            len(spaces[0]),
            ctypes.create_string_buffer(spaces[1]),
            len(spaces[1]),
            kind.ptr(),
            ctypes.cast(callback, ffi.wasmtime_func_unchecked_callback_t),
            None,
            _Finalizer(0),
        )
        if error:
            raise wasmtime.WasmtimeError._from_ptr(error)

    def _callback(self, name: str, kind: wasmtime.FuncType) -> Callable[[Any, Any, int, int], int]:
        """What wasmtime calls when the guest calls `name`."""
        call = _reading_arguments(_host_function(name, kind), [str(p) for p in kind.params])
        returns = len(kind.results) == 1

        def callback(_environment: Any, _caller: Any, slots: int, _count: int) -> int:
            try:
                result = call(self._host, slots)
                if returns:
                    _u64(slots).value = result
                return 0
            except BaseException as fault:
                self._fault = fault
                trap = wasmtime.Trap(f"{name}: {fault}")
                return ctypes.cast(trap._consume(), ctypes.c_void_p).value or 0

        return callback

    # -- running it

    def _function(self, api: str) -> wasmtime.Func:
        function = self._functions.get(api)
        if function is None:
            function = self._exports[api]
            if not isinstance(function, wasmtime.Func) or _types(function.type(self._store)) != (
                ["i32", "i32"],
                ["i64"],
            ):
                raise UnknownRuntimeCall(api)
            self._functions[api] = function
        return function

    def _run(self, function: wasmtime.Func, pointer: int, length: int) -> int:
        """Call an export of type (pointer, length) -> pointer-size."""
        slots = (ctypes.c_uint8 * (2 * _SLOT))()
        struct.pack_into("<I12xI12x", slots, 0, pointer, length)
        trap = ctypes.POINTER(ffi.wasm_trap_t)()
        error = ffi.wasmtime_func_call_unchecked(
            self._store._context(),
            ctypes.byref(function._func),
            ctypes.cast(slots, ctypes.POINTER(ffi.wasmtime_val_raw_t)),
            2,
            ctypes.byref(trap),
        )
        if error:
            raise _Trap(str(wasmtime.WasmtimeError._from_ptr(error)).partition("\n")[0])
        if trap:
            raise _Trap(wasmtime.Trap._from_ptr(trap).message.strip().rpartition("\n")[2].strip())
        return int(struct.unpack_from("<Q", slots)[0])

    def _heap_used(self) -> int:
        # The guest can write here; the host must not believe more than there is.
        return min(HEAP, self._host.memory.read_u32(self._heap - CONTROL + USED))

    def _grow(self, pages: int) -> int:
        """The size of the memory in bytes, after an attempt to make it larger."""
        if pages:
            with suppress(wasmtime.WasmtimeError):  # the size returned tells
                self._memory.grow(self._store, pages)
        return self._memory.data_len(self._store)


class _Trap(Exception):
    """The guest stopped."""


def _own_memory(module: wasmtime.Module, store: wasmtime.Store) -> wasmtime.Memory:
    for wanted in module.imports:
        if isinstance(wanted.type, wasmtime.MemoryType):
            return wasmtime.Memory(store, wanted.type)
    raise RuntimeUnusable("it does not import its memory")


def _host_function(name: str, kind: wasmtime.FuncType) -> HostFunction:
    """The function of this name, if it fits the import; else one that stops the guest."""
    function = FUNCTIONS.get(name)
    if function is None:
        return _missing(name)
    signature = inspect.signature(function)
    parameters = len(signature.parameters) - 1
    returns = 0 if signature.return_annotation in (None, "None") else 1
    if (parameters, returns) != (len(kind.params), len(kind.results)):
        raise RuntimeUnusable(f"it imports {name} with another signature than this host has")
    return function


def _reading_arguments(function: HostFunction, kinds: list[str]) -> Callable[[Host, int], Any]:
    """`function` with its arguments read from the slots at an address. The common shapes are
    written out: this runs hundreds of times a block."""
    reads = [_u32 if kind == "i32" else _u64 for kind in kinds]
    if not reads:
        return lambda host, slots: function(host)
    if len(reads) == 1:
        (only,) = reads
        return lambda host, slots: function(host, only(slots).value)
    if len(reads) == 2:
        first, second = reads
        return lambda host, slots: function(host, first(slots).value, second(slots + _SLOT).value)
    placed = [(read, index * _SLOT) for index, read in enumerate(reads)]
    return lambda host, slots: function(host, *(read(slots + at).value for read, at in placed))


def _missing(name: str) -> HostFunction:
    def missing(_host: Host, *_arguments: int) -> int:
        raise GuestFault(f"this host has no function {name}")

    return missing


def _types(kind: wasmtime.FuncType) -> tuple[list[str], list[str]]:
    return [str(p) for p in kind.params], [str(r) for r in kind.results]
