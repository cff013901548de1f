/** The schema's issues as findings: where in the file, what was expected, what is there, the nearest name. */
import type { z } from "zod";
import type { Diagnostic } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import type { Findings } from "../text/findings.ts";
import { type LabNode, locate, pathText, type TreePath } from "../text/lab-tree.ts";
import type { SourceText } from "../text/source-text.ts";

/** What issues are turned into findings against. */
export interface IssueContext {
  readonly tree: LabNode;
  /** The tree's plain value, as the schema saw it. */
  readonly value: unknown;
  readonly source: SourceText;
  readonly findings: Findings;
}

/** Adds a finding for each issue. */
export function addIssues(issues: readonly z.core.$ZodIssue[], context: IssueContext, prefix: TreePath = []): void {
  for (const issue of issues) {
    const path = [...prefix, ...(issue.path as (string | number)[])];
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) addUnknownKey(key, path, issue.message.split(", "), context);
      continue;
    }
    if (issue.code === "invalid_union") {
      const branch = issue.errors.find((errors) => errors.length > 0 && !errors.some(isWrongType));
      if (branch !== undefined) {
        addIssues(branch, context, path);
        continue;
      }
    }
    context.findings.add(valueFinding(issue.message, path, context));
  }
}

/** A branch of a union does not fit at all: it wants another type, or (for words) another word. */
function isWrongType(issue: z.core.$ZodIssue): boolean {
  return issue.path.length === 0 && issue.code === "invalid_type";
}

function addUnknownKey(key: string, path: TreePath, known: readonly string[], context: IssueContext): void {
  const span = locate(context.tree, [...path, key], true);
  context.findings.add({
    code: "KEY_UNKNOWN",
    message: `unknown key "${key}"`,
    ...(path.length === 0 ? {} : { path: pathText(path) }),
    place: context.source.place(span.start, span.end),
    fix: suggest(key, known),
  });
}

function valueFinding(message: string, path: TreePath, context: IssueContext): Diagnostic {
  const span = locate(context.tree, path);
  const place = context.source.place(span.start, span.end);
  const found = valueAt(context.value, path);
  if (found === undefined && path.length > 0) {
    const parent = pathText(path.slice(0, -1));
    const key = path[path.length - 1];
    return {
      code: "KEY_MISSING",
      message: `key "${key}" is missing`,
      ...(parent === "" ? {} : { path: parent }),
      place,
      fix: message,
    };
  }
  return { code: "LAB_VALUE", message: `${message}, got ${show(found)}`, path: pathText(path), place };
}

function valueAt(root: unknown, path: TreePath): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** A value for an error text. */
function show(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
}
