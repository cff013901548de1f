/**
 * One printed object in both forms at once, where members may come twice: iproute2 writes JSON as it goes, and u32's `match` is a
 * member for each key.
 *
 * @source iproute2 lib/json_print.c, lib/json_writer.c
 */
import { layOutJson } from "../json.ts";
import type { PrintRecord } from "../record.ts";
import type { ToolFlags } from "../rtnetlink.ts";

/** Text and JSON of one object, built side by side in the same order. */
export class PrintObject {
  text: string = "";
  private readonly members: string[] = [];

  /** PRINT_ANY: `value` under `key`, `text` as it reads. */
  any(key: string, value: unknown, text: string): this {
    this.text += text;
    return this.field(key, value);
  }

  /** PRINT_FP: in the text only. */
  plain(text: string): this {
    this.text += text;
    return this;
  }

  /** PRINT_ANY without a key: a member without a name, as iproute2 writes it, though JSON has no such thing. */
  bare(text: string): this {
    this.text += text;
    this.members.push(JSON.stringify(text));
    return this;
  }

  /** PRINT_JSON: in the JSON only. */
  field(key: string, value: unknown): this {
    this.members.push(`${JSON.stringify(key)}:${JSON.stringify(value)}`);
    return this;
  }

  /** open_json_object to close_json_object; the text goes on as if it were one. */
  object(key: string, build: (inner: PrintObject) => void): this {
    const inner = new PrintObject();
    build(inner);
    this.text += inner.text;
    this.members.push(`${JSON.stringify(key)}:${inner.json}`);
    return this;
  }

  /** open_json_array of objects. */
  array(key: string, items: readonly PrintObject[]): this {
    for (const item of items) this.text += item.text;
    this.members.push(`${JSON.stringify(key)}:[${items.map((i) => i.json).join(",")}]`);
    return this;
  }

  /** What a record of the simpler kind has. */
  merge(record: PrintRecord): this {
    this.text += record.text;
    for (const [key, value] of Object.entries(record.json)) this.field(key, value);
    return this;
  }

  /** Compact. */
  get json(): string {
    return `{${this.members.join(",")}}`;
  }
}

/** A list of objects as a command prints it. */
export function printObjects(list: readonly PrintObject[], flags: ToolFlags): string {
  if (!flags.json) return list.map((o) => o.text).join("");
  const text = `[${list.map((o) => o.json).join(",")}]`;
  return `${flags.pretty ? layOutJson(text, "iproute2") : text}\n`;
}
