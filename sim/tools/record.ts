/** One printed record in both forms at once, as iproute2's print_string and its kin keep them. @source iproute2 lib/json_print.c */

/** Text and JSON object of one record, built side by side in the same order. */
export class PrintRecord {
  text: string = "";
  readonly json: Record<string, unknown> = {};

  /** PRINT_ANY: `value` under `key`, `text` as it reads. */
  any(key: string, value: unknown, text: string): this {
    this.json[key] = value;
    this.text += text;
    return this;
  }

  /** PRINT_FP: in the text only. */
  plain(text: string): this {
    this.text += text;
    return this;
  }

  /** PRINT_JSON: in the JSON object only. */
  field(key: string, value: unknown): this {
    this.json[key] = value;
    return this;
  }
}
