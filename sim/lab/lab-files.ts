/** The files a lab names: read through the caller, parsed once. */
import { parseObject } from "../bpf/object/parse-object.ts";
import type { ObjectSpec } from "../bpf/spec.ts";

/** How a lab's files are read. */
export interface LabFiles {
  /**
   * A file's bytes. @param name as the lab writes it, relative to the lab file
   * @throws LabError when it cannot be read
   */
  read(name: string): Uint8Array;
}

/** The objects of a lab, each read and parsed once. */
export class ObjectStore {
  private readonly files: LabFiles;
  private readonly specs: Map<string, ObjectSpec> = new Map();

  constructor(files: LabFiles) {
    this.files = files;
  }

  /** @throws LabError when the file cannot be read, ObjectError when it is no object */
  get(name: string): ObjectSpec {
    let spec = this.specs.get(name);
    if (spec === undefined) {
      spec = parseObject(this.files.read(name), name);
      this.specs.set(name, spec);
    }
    return spec;
  }
}
