/** `netsim schema`: the lab file's JSON Schema, for editors. */
import { call } from "effection";
import type { CliCommand } from "../command.ts";
import { EXIT } from "../io.ts";

export const schema: CliCommand = {
  name: "schema",
  summary: "print the JSON Schema of the lab file",
  define() {},
  *execute({ io }) {
    const { labJsonSchema } = yield* call(() => import("../../lab/schema/lab.ts"));
    io.stdout.write(`${JSON.stringify(labJsonSchema(), null, 2)}\n`);
    return EXIT.OK;
  },
};
