// What stops a start in a way that the operator can mend? One readable line, without a stack.

/** A reason why the server cannot start or go on. The message is one line for a person; it names no secret. */
export class Fatal extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Fatal';
  }
}
