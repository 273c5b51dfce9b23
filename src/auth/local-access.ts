// How does a command on the server's own machine act as root? With a token made for this run, kept in a file that only its owner reads.

/** The run's own root token. It never reaches a store or a log, and ends with the process. */
export class LocalAccess {
  constructor(readonly token: string) {}
}
