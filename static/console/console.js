/* Starts what every page has. Page scripts import what they need from the modules beside this one. */

import { startCopy } from "./copy.js";
import { startDirtyForms } from "./dirty-form.js";
import { startDialogs, startMenus, startRail } from "./menu.js";
import { startPalette } from "./palette.js";
import { startTimes } from "./relative-time.js";
import { startShortcuts } from "./shortcuts.js";
import { startTables } from "./tables.js";
import { startTabs } from "./tabs.js";
import { startTheme } from "./theme.js";
import { startToasts } from "./toast.js";

startTheme();
startMenus();
startRail();
startDialogs();
startPalette();
startShortcuts();
startToasts();
startCopy();
startTimes();
startDirtyForms();
startTables();
startTabs();
