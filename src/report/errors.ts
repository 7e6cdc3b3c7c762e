/** When each error of the reports happens. They are told, and end nothing: a deployment goes on where it cannot be shown. */
export const reportErrorCodes = {
  "report/file": "a report of a run cannot be written to its file",
  "report/internal": "an event of a run cannot be shown",
  "report/not-ended": "in JUnit XML: the run was over before it was known how the host ended",
} as const;
