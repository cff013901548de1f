// Records what the running kernel answers to the programs beside this file: node test/bpf/kfuncs/oracle/record.mjs [--check] [--build]
import { recordAnswers } from "../../../kernel/answers.mjs";
import { CASES } from "./cases.mjs";

recordAnswers(new URL("./", import.meta.url), CASES, process.argv.slice(2));
