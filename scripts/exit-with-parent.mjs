// Loaded into every process that `npm start` starts. When dev.mjs is gone without a word (SIGKILL, out of memory),
// the channel to it closes: then this process ends too, in its own orderly way if it can.
const killAfterMs = 5000

process.on('disconnect', () => {
  process.kill(process.pid, 'SIGTERM')
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), killAfterMs).unref()
})
// Listening would keep the event loop alive, and with it an app that has closed everything.
process.channel?.unref()
