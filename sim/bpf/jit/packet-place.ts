/**
 * What is known about where registers and stack slots point in the packet. Those that differ by constants share an anchor; what is
 * learned about one of them holds for all.
 *
 *     lo <= offset       the address lies at or behind the packet's beginning (or its metadata's)
 *     offset <= hi       the address lies at or before its end
 *
 * Both by offset from the anchor. It is learned from the context's `data`, from checks that were done, and from what the program
 * compares with `data_end` itself. Only unsigned comparisons tell: after one the address is known to be small, so that no sum wraps.
 * Anchors are numbers of one state; where ways meet, what holds on all of them is kept.
 */

/** A pointer in terms of its anchor. */
export interface PacketPlace {
  /** Where it is held: a register, or a stack slot as the flow's state numbers them. */
  readonly holder: number;
  readonly anchor: number;
  /** The pointer is its anchor plus this. */
  readonly at: number;
  /** Infinity, and -Infinity for `hi`: nothing is known. */
  readonly lo: number;
  readonly hi: number;
}

/** Nothing is known of a pointer. */
const UNKNOWN = { lo: Number.POSITIVE_INFINITY, hi: Number.NEGATIVE_INFINITY } as const;

/** Anchors of two states that are one in what both know: the distance between them, and what stands for them. */
interface AnchorPair {
  readonly a: number;
  readonly b: number;
  readonly by: number;
  readonly anchor: number;
}

/** More pointers into the packet than programs hold at a time. */
const MAX_HOLDERS = 16;

/** Places of pointers; none is ever changed. */
export class PacketPlaces {
  /** Nothing is known. */
  static readonly NONE: PacketPlaces = new PacketPlaces([]);
  /** By holder, ascending. */
  private readonly places: readonly PacketPlace[];

  private constructor(places: readonly PacketPlace[]) {
    this.places = places;
  }

  get isEmpty(): boolean {
    return this.places.length === 0;
  }

  /** Undefined: nothing is known. */
  of(holder: number): PacketPlace | undefined {
    for (const place of this.places) if (place.holder === holder) return place;
    return undefined;
  }

  /** The holder holds something else. */
  without(holder: number): PacketPlaces {
    if (this.of(holder) === undefined) return this;
    const rest = this.places.filter((p) => p.holder !== holder);
    return rest.length === 0 ? PacketPlaces.NONE : new PacketPlaces(rest);
  }

  /** No stack slot is known any more. @param first number of the first one */
  withoutSlots(first: number): PacketPlaces {
    return this.places.some((p) => p.holder >= first) ? this.only(this.places.filter((p) => p.holder < first)) : this;
  }

  /** The holder was loaded from the context's `data`. */
  begin(holder: number): PacketPlaces {
    return this.with({ holder, anchor: this.freshAnchor(), at: 0, lo: 0, hi: 0 });
  }

  /** The holder becomes another one plus a constant; both get an anchor when there was none. */
  derive(holder: number, from: number, by: number): PacketPlaces {
    const known = this.anchored(from);
    const place = known.of(from);
    return place === undefined ? known.without(holder) : known.with({ ...place, holder, at: place.at + by });
  }

  /** The holder becomes another one plus a number that is not known, and not negative. */
  advance(holder: number, from: number): PacketPlaces {
    const place = this.of(from);
    const rest = this.without(holder);
    if (place === undefined || place.lo > place.at) return rest;
    const { hi } = UNKNOWN;
    return rest.with({ holder, anchor: this.freshAnchor(), at: 0, lo: place.lo - place.at, hi });
  }

  /** The bytes [off, off + size) from a pointer on are in the packet. */
  learn(holder: number, off: number, size: number): PacketPlaces {
    const known = this.anchored(holder);
    const place = known.of(holder);
    return place === undefined ? known : known.know(place, place.at + off, place.at + off + size);
  }

  /**
   * What holds on one way out of a comparison with the packet's end.
   * @param op the comparison, with the pointer on its left side
   * @param taken whether it is true there
   */
  compared(holder: number, op: string, taken: boolean): PacketPlaces {
    const beyond = (op === "gt" || op === "ge") && !taken;
    if (!beyond && !((op === "lt" || op === "le") && taken)) return this;
    const known = this.anchored(holder);
    const place = known.of(holder);
    return place === undefined ? known : known.know(place, UNKNOWN.lo, place.at + (op === "ge" || op === "lt" ? 1 : 0));
  }

  /**
   * What holds here and there.
   * @param widen the other comes around a loop: a bound that it moves is given up, as the next turn would move it further
   * @returns this one when that is all of it
   */
  join(other: PacketPlaces, widen: boolean): PacketPlaces {
    if (this === other || this.isEmpty || this.equals(other)) return this;
    const joined: PacketPlace[] = [];
    const pairs: AnchorPair[] = [];
    let fresh = this.freshAnchor();
    let same = true;
    let next = 0;
    for (const a of this.places) {
      while (next < other.places.length && other.places[next]!.holder < a.holder) next++;
      const b = other.places[next];
      if (b?.holder !== a.holder) {
        same = false;
        continue;
      }
      const by = a.at - b.at;
      let pair: AnchorPair | undefined;
      let split = false;
      for (const p of pairs) {
        if (p.a !== a.anchor) continue;
        split = true;
        if (p.b === b.anchor && p.by === by) pair = p;
      }
      if (pair === undefined) {
        if (split) same = false;
        pair = { a: a.anchor, b: b.anchor, by, anchor: split ? fresh++ : a.anchor };
        pairs.push(pair);
      }
      let lo = Math.max(a.lo, b.lo + by);
      let hi = Math.min(a.hi, b.hi + by);
      if (lo !== a.lo || hi !== a.hi) {
        same = false;
        if (widen && lo !== a.lo) lo = UNKNOWN.lo;
        if (widen && hi !== a.hi) hi = UNKNOWN.hi;
      }
      joined.push({ holder: a.holder, anchor: pair.anchor, at: a.at, lo, hi });
    }
    return same ? this : this.only(joined);
  }

  private know({ anchor, lo: lowest, hi: highest }: PacketPlace, lo: number, hi: number): PacketPlaces {
    if (lo >= lowest && hi <= highest) return this;
    return new PacketPlaces(
      this.places.map((p) => (p.anchor === anchor ? { ...p, lo: Math.min(lowest, lo), hi: Math.max(highest, hi) } : p)),
    );
  }

  private anchored(holder: number): PacketPlaces {
    if (this.of(holder) !== undefined) return this;
    return this.with({ holder, anchor: this.freshAnchor(), at: 0, ...UNKNOWN });
  }

  /** Nothing is known of the place's holder when there are too many already. */
  private with(place: PacketPlace): PacketPlaces {
    const { holder } = place;
    if (this.places.length >= MAX_HOLDERS && this.of(holder) === undefined) return this;
    const places: PacketPlace[] = [];
    for (const p of this.places) if (p.holder < holder) places.push(p);
    places.push(place);
    for (const p of this.places) if (p.holder > holder) places.push(p);
    return new PacketPlaces(places);
  }

  private equals({ places }: PacketPlaces): boolean {
    if (places.length !== this.places.length) return false;
    for (let i = 0; i < places.length; i++) {
      const [a, b] = [this.places[i]!, places[i]!];
      if (a === b) continue;
      const same = a.holder === b.holder && a.anchor === b.anchor && a.at === b.at && a.lo === b.lo && a.hi === b.hi;
      if (!same) return false;
    }
    return true;
  }

  private only(places: readonly PacketPlace[]): PacketPlaces {
    return places.length === 0 ? PacketPlaces.NONE : new PacketPlaces(places);
  }

  private freshAnchor(): number {
    let anchor = 0;
    for (const place of this.places) if (place.anchor >= anchor) anchor = place.anchor + 1;
    return anchor;
  }
}

/** The comparison with its sides exchanged. */
export const MIRRORED: Readonly<Record<string, string>> = { gt: "lt", ge: "le", lt: "gt", le: "ge" };
