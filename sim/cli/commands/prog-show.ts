/** `netsim prog show OBJ.o`: what an object file holds. */
import { resolve } from "node:path";
import { call } from "effection";
import type { CliCommand } from "../command.ts";
import { EXIT } from "../io.ts";

export const progShow: CliCommand = {
  name: "prog show",
  summary: "list sections, programs and maps of an eBPF object",
  define(command) {
    command.argument("<object>", "object file, as clang compiled it").option("--json", "print JSON");
  },
  *execute({ io }, args, options) {
    const { readObject } = yield* call(() => import("../../bpf/object/read-object.ts"));
    const { formatObject, showObject } = yield* call(() => import("../../bpf/object/show-object.ts"));
    const shown = showObject(readObject(resolve(io.cwd, args[0]!), args[0]!));
    io.stdout.write(options.json === true ? `${JSON.stringify(shown, null, 2)}\n` : formatObject(shown));
    return EXIT.OK;
  },
};
