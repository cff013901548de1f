/** `netsim prog dump OBJ.o [PROGRAM]`: a program's instructions as the kernel writes them, under their source lines. */
import { resolve } from "node:path";
import { call } from "effection";
import type { CliCommand } from "../command.ts";
import { EXIT } from "../io.ts";

export const progDump: CliCommand = {
  name: "prog dump",
  summary: "disassemble the programs of an eBPF object, with their C source lines",
  define(command) {
    command.argument("<object>", "object file").argument("[program]", "name of one program, or of a section");
  },
  *execute({ io }, args) {
    const { readObject } = yield* call(() => import("../../bpf/object/read-object.ts"));
    const { dumpProgram } = yield* call(() => import("../../bpf/object/dump-program.ts"));
    const { kernelTypes } = yield* call(() => import("../../net/btf/kernel-types.ts"));
    io.stdout.write(dumpProgram(readObject(resolve(io.cwd, args[0]!), args[0]!), args[1], kernelTypes));
    return EXIT.OK;
  },
};
