// What every view has: each module does one thing for the elements that it finds.
import "./copy.js";
import "./toggle.js";
import "./run-timeline.js";
import { showTimes } from "./times.js";
import { listenToKeys } from "./keys.js";
import { listenToForms } from "./forms.js";
import { goLive } from "./live.js";

showTimes(document);
listenToKeys();
listenToForms();
goLive();
