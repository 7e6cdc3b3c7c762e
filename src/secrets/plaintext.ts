import { Redacted } from "#core";

/** What a secret says. Printing it shows a placeholder; disposing of it overwrites the memory it lies in. */
export class Plaintext extends Redacted<Buffer> implements Disposable {
  [Symbol.dispose](): void {
    this.reveal().fill(0);
  }
}
