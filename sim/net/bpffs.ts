/** A host's bpf file system: what is pinned, by absolute path, and the links between its directories. */

/** A pinned object. */
export interface Pin {
  readonly kind: "map" | "prog";
  readonly id: number;
}

/** Pins by path. A path through a link is the path that the link leads to; iteration shows only these. */
export class Bpffs extends Map<string, Pin> {
  /** By the link's path, without a slash at its end. */
  private readonly links: Map<string, string> = new Map();

  /** Makes a symbolic link to a directory; a link that is there already stays. */
  link(path: string, target: string): void {
    if (!this.links.has(path)) this.links.set(path, target);
  }

  override get(path: string): Pin | undefined {
    return super.get(this.resolve(path));
  }

  override has(path: string): boolean {
    return super.has(this.resolve(path));
  }

  override set(path: string, pin: Pin): this {
    return super.set(this.resolve(path), pin);
  }

  override delete(path: string): boolean {
    return super.delete(this.resolve(path));
  }

  /** A file system that is gone with its host takes its links along. */
  override clear(): void {
    this.links.clear();
    super.clear();
  }

  private resolve(path: string): string {
    for (const [link, target] of this.links) {
      if (path.startsWith(`${link}/`)) return `${target}${path.slice(link.length)}`;
    }
    return path;
  }
}
