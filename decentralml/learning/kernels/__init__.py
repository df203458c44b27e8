"""Inner loops of merging, as WebAssembly: one pass where NumPy needs several.

NumPy makes float64 of a row in one pass, multiplies it in a second, adds it in a third, and looks
for NaN in two more. These loops do all of it while the numbers are in registers. They are compiled
by wasmtime, which the embedded chain needs anyway: in some milliseconds, on any machine, without a
compiler there. WebAssembly's arithmetic is exactly IEEE 754's, with nothing contracted or put into
another order: a loop gives the same bits everywhere.

:mod:`.arena` holds what they work on, :mod:`.text` words of their language; otherwise one file an
idea: the source texts of modules that export one function, ``run``, and the Python functions that
call them.
"""
