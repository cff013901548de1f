/**
 * The four error classes of netsim. Nothing else is thrown on purpose anywhere.
 * What the user can mend is a LabError or an ObjectError or a VerifierError; what only we can mend is a BugError.
 */

/** A position in a text file that the user wrote. */
export interface SourcePlace {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based. */
  readonly column: number;
  /** The whole source line, without its newline. */
  readonly text: string;
  /** Width of the marked part in characters, at least 1. */
  readonly width: number;
}

/** One finding about what the user gave: place, path in the document, reason, remedy. */
export interface Diagnostic {
  /** Stable, SCREAMING_SNAKE: `QDISC_UNKNOWN`. */
  readonly code: string;
  /** What is wrong, in one sentence without a final stop. */
  readonly message: string;
  /** Dotted path into the document (`nodes.r1.eth0.qdisc`), if there is one. */
  readonly path?: string;
  readonly place?: SourcePlace;
  /** What to do about it. */
  readonly fix?: string;
}

/** Renders a diagnostic as STYLE's error form, without colours, without a final newline. */
export function formatDiagnostic(d: Diagnostic): string {
  const where = d.place ? `${d.place.file}:${d.place.line}:${d.place.column}: ` : "";
  const path = d.path ? `${d.path}: ` : "";
  const lines = [`${where}${path}${d.message} [${d.code}]`];
  if (d.place) {
    const n = String(d.place.line);
    const pad = " ".repeat(n.length);
    const before = d.place.text.slice(0, d.place.column - 1).replace(/[^\t]/g, " ");
    lines.push(`   ${n} | ${d.place.text}`);
    lines.push(`   ${pad} | ${before}${"^".repeat(Math.max(1, d.place.width))}`);
  }
  if (d.fix) lines.push(`  fix: ${d.fix}`);
  return lines.join("\n");
}

/** What the user gave is at fault: a lab, a flag, a file, a command. Carries every finding of one lab. */
export class LabError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(formatDiagnostic).join("\n"));
    this.name = "LabError";
    this.diagnostics = diagnostics;
  }
}

/** A BPF object that cannot be loaded: not an ELF, truncated, an unknown section, a helper that does not exist. */
export class ObjectError extends Error {
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic) {
    super(formatDiagnostic(diagnostic));
    this.name = "ObjectError";
    this.diagnostic = diagnostic;
  }
  get code(): string {
    return this.diagnostic.code;
  }
}

/** A program refused, by the verifier before it runs or by the access checks while it runs. */
export class VerifierError extends Error {
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic) {
    super(formatDiagnostic(diagnostic));
    this.name = "VerifierError";
    this.diagnostic = diagnostic;
  }
  get code(): string {
    return this.diagnostic.code;
  }
}

/** An invariant of netsim's own broke. The text names what helps to repeat it. */
export class BugError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(`${message} [${code}]`);
    this.name = "BugError";
    this.code = code;
  }
}

/** The cases of a discriminated union are exhausted; the compiler lists what a new one must touch. */
export function assertNever(value: never): never {
  throw new BugError("UNREACHABLE", `unexpected value ${JSON.stringify(value)}`);
}
