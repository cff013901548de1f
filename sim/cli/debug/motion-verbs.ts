/** The debugger's verbs that move. */
import type { Debugger } from "./debugger.ts";
import { takeCount, type Verb } from "./verb.ts";

/** To the next source line, into subprograms; an instruction where there are no lines. */
function stepLine(d: Debugger): void {
  const { session } = d;
  const { line } = session;
  const depth = session.frames.length;
  if (line === undefined) session.step();
  else {
    session.stepUntil(() => {
      const now = session.line;
      const moved = now === undefined || now.line !== line.line || now.file !== line.file;
      return (session.atLineStart && moved) || session.frames.length !== depth || d.breakpointHere() !== undefined;
    });
  }
}

/** Likewise, over subprograms. */
function nextLine(d: Debugger): void {
  const { session } = d;
  const { line } = session;
  const depth = session.frames.length;
  session.stepUntil(() => {
    if (d.breakpointHere() !== undefined) return true;
    if (session.frames.length > depth) return false;
    if (session.frames.length < depth || line === undefined) return true;
    const now = session.line;
    return session.atLineStart && (now?.line !== line.line || now.file !== line.file);
  });
}

function times(d: Debugger, args: readonly string[], once: () => void): string {
  const n = takeCount(args);
  return d.move(() => {
    for (let i = 0; i < n && d.session.running; i++) once();
  });
}

/** All that moves. */
export const motionVerbs: readonly Verb[] = [
  {
    name: "step",
    aliases: ["s"],
    usage: "step [N]",
    about: "to another source line, into subprograms",
    run: (d, args) => times(d, args, () => stepLine(d)),
  },
  {
    name: "next",
    aliases: ["n"],
    usage: "next [N]",
    about: "to another source line, over subprograms",
    run: (d, args) => times(d, args, () => nextLine(d)),
  },
  {
    name: "stepi",
    aliases: ["si"],
    usage: "stepi [N]",
    about: "one instruction",
    run: (d, args) => times(d, args, () => d.session.step()),
  },
  {
    name: "finish",
    aliases: ["fin"],
    usage: "finish",
    about: "out of this subprogram",
    run: (d) =>
      d.move(() => {
        const depth = d.session.frames.length;
        d.session.stepUntil(() => d.session.frames.length < depth || d.breakpointHere() !== undefined);
      }),
  },
  {
    name: "continue",
    aliases: ["c"],
    usage: "continue",
    about: "to the next breakpoint, or to the end",
    run: (d) => d.move(() => d.session.stepUntil(() => d.breakpointHere() !== undefined)),
  },
  {
    name: "back",
    aliases: ["reverse-stepi", "rsi"],
    usage: "back [N]",
    about: "one instruction backwards",
    run: (d, args) => {
      const n = takeCount(args);
      return d.move(() => d.session.back(n));
    },
  },
  {
    name: "reverse-step",
    aliases: ["rs"],
    usage: "reverse-step [N]",
    about: "backwards to the beginning of a source line",
    run: (d, args) => {
      const n = takeCount(args);
      return d.move(() => {
        for (let i = 0; i < n; i++) d.session.backTo(() => d.session.atLineStart);
      });
    },
  },
  {
    name: "reverse-continue",
    aliases: ["rc"],
    usage: "reverse-continue",
    about: "backwards to a breakpoint, or to the beginning",
    run: (d) => d.move(() => d.session.backTo(() => d.breakpointHere() !== undefined)),
  },
  {
    name: "run",
    aliases: ["r"],
    usage: "run",
    about: "from the beginning again, to the first breakpoint or to the end",
    run: (d) =>
      d.move(() => {
        d.session.restart();
        if (d.breakpointHere() === undefined) d.session.stepUntil(() => d.breakpointHere() !== undefined);
      }),
  },
];
