/** Who is told what a job does; what the job comes to is in its result. */

/** Takes the talk of a job. Texts may hold what files say: whoever prints them escapes them. */
export interface Watcher {
  /** A line for people. */
  line(text: string): void;
  /** One line that people should know of. */
  warning(text: string): void;
  /** The present state of something that takes time. */
  progress(text: string): void;
  /** That what took time has ended. */
  end(): void;
}

/** A watcher that looks away. */
export const SILENT: Watcher = { line() {}, warning() {}, progress() {}, end() {} };

/** Who watches a job, and what stops it. */
export interface JobContext {
  /** Told what is done. */
  readonly output: Watcher;
  /** Stops the job; a run folder that it has begun is where to go on. */
  readonly signal: AbortSignal;
}
