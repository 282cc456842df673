/** A failure with a message that is ready for the person in front of the terminal: what, where, what next. */
export class LauncherError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LauncherError";
  }
}
