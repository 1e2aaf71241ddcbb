// Starts the page's parts; each listens to the state and draws what is its own.

import { startAnnouncements } from "./announcements.js";
import { startComposer } from "./composer.js";
import { startForms } from "./form.js";
import { startSidebar } from "./sidebar.js";
import { startTimeline } from "./timeline.js";
import { state } from "./state.js";

startSidebar();
startTimeline();
startAnnouncements();
startComposer();
startForms();
state.connect();
