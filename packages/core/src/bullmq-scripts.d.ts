/** The text of the script by which BullMQ adds a job that has a priority. */
declare module 'bullmq/dist/cjs/scripts/addPrioritizedJob-9.js' {
  export const addPrioritizedJob: { name: string; content: string; keys: number }
}
