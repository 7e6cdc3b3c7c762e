/** Beside the hive: the journals of runs, and what keeps their systems from being collected. */
export const STATE_FOLDER = ".skep";

/** Where the step of a pipeline leaves its artifacts, unless it is told otherwise. */
export const ARTIFACTS_FOLDER = "skep-ci";
