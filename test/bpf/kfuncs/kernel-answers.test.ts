/** Programs that call helpers and kfuncs with good and with bad arguments, and what Linux answered each call (oracle/record.mjs). */
import { describeAnswers } from "../../kernel/replay-answers.ts";

describeAnswers(new URL("oracle/", import.meta.url));
