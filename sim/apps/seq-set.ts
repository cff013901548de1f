/** A growing set of sequence numbers, a bit each. */
export class SeqSet {
  /** Members. */
  count: number = 0;
  private words: Uint32Array = new Uint32Array(32);

  /** @returns false when it was there already */
  add(seq: number): boolean {
    const word = Math.floor(seq / 32);
    if (word >= this.words.length) this.grow(word);
    const bit = 1 << (seq & 31);
    if ((this.words[word]! & bit) !== 0) return false;
    this.words[word]! |= bit;
    this.count++;
    return true;
  }

  has(seq: number): boolean {
    const word = Math.floor(seq / 32);
    return word < this.words.length && (this.words[word]! & (1 << (seq & 31))) !== 0;
  }

  private grow(word: number): void {
    const larger = new Uint32Array(Math.max(word + 1, this.words.length * 2));
    larger.set(this.words);
    this.words = larger;
  }
}
