// Work in parts, each a task of its own, so that keys and pictures come between them.

const jobs = new Set();
const { port1: here, port2: there } = new MessageChannel(); // timers wait, and more so in the background

here.onmessage = () => {
  const [job] = jobs;
  jobs.delete(job);
  job();
};

/** Do something after the next frame, so that none has more to lay out than was made for it. */
export function afterFrame(job) {
  if (document.hidden) soon(job); // there are no frames
  else requestAnimationFrame(() => soon(job));
}

const idle = window.requestIdleCallback ?? ((job) => setTimeout(job, 50)); // Safari has none

/** Do something once there is time: what nobody waits for. */
export function whenIdle(job) {
  idle(job, { timeout: 1000 }); // ms; nobody is idle in the background
}

/** Do something soon, after what is being done now; asked for twice until then, it is done once. */
export function soon(job) {
  if (jobs.has(job)) return;
  jobs.add(job);
  there.postMessage(null);
}
