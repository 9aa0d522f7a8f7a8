const rows = [...document.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll(".clip")]);
const clips = rows.flat();
const tabs = [...document.querySelectorAll(".tabs input")];
const columnOf = (clip) => rows.find((row) => row.includes(clip)).indexOf(clip);
const audioOf = (clip) => clip.querySelector("audio");
const buttonOf = (clip) => clip.querySelector(".play");
const compared = rows[0].map((_, column) => rows[1]?.[column] ?? rows[0][column]); // one codec clip per utterance
let current = null; // the clip played last

function play(clip, seconds) {
  const audio = audioOf(clip);
  if (seconds !== undefined) audio.currentTime = seconds;
  audio.play().catch(() => {}); // the error event reports failures; a newly chosen clip may also interrupt playback
}

function toggle(clip) {
  if (audioOf(clip).paused) play(clip);
  else audioOf(clip).pause();
}

// Switch to bona fide, or from there to the codec compared last, at the position last played of the utterance.
function swap(clip) {
  const column = columnOf(clip);
  const bonafide = rows[0][column];
  if (clip !== bonafide) compared[column] = clip;
  const from = current !== null && columnOf(current) === column ? current : clip;
  const other = clip === bonafide ? compared[column] : bonafide;
  buttonOf(other).focus({ preventScroll: true });
  play(other, audioOf(from).currentTime);
}

function focusClip(clip) {
  tabs[columnOf(clip)].checked = true;
  buttonOf(clip).focus();
}

// The Tab key stops once in the table, at this clip.
function makeStop(clip) {
  for (const one of clips) buttonOf(one).tabIndex = one === clip ? 0 : -1;
}

function move(clip, down, right) {
  const row = rows.findIndex((one) => one.includes(clip));
  const next = rows[row + down]?.[columnOf(clip) + right];
  if (next) focusClip(next);
}

function draw() {
  if (current === null) return;
  const audio = audioOf(current);
  current.style.setProperty("--played", audio.currentTime / current.dataset.seconds);
  if (!audio.paused) requestAnimationFrame(draw);
}

function started(clip) {
  for (const other of clips) if (other !== clip) audioOf(other).pause();
  if (current !== null && current !== clip) current.style.removeProperty("--played");
  current = clip;
  const column = columnOf(clip);
  if (clip !== rows[0][column]) compared[column] = clip;
  audioOf(rows[0][column]).preload = audioOf(compared[column]).preload = "auto"; // makes swapping immediate
  clip.classList.add("playing");
  buttonOf(clip).setAttribute("aria-label", buttonOf(clip).getAttribute("aria-label").replace("Play", "Pause"));
  draw();
}

function stopped(clip) {
  clip.classList.remove("playing");
  buttonOf(clip).setAttribute("aria-label", buttonOf(clip).getAttribute("aria-label").replace("Pause", "Play"));
}

for (const clip of clips) {
  const audio = audioOf(clip);
  audio.controls = false;
  audio.addEventListener("play", () => started(clip));
  audio.addEventListener("pause", () => stopped(clip));
  audio.addEventListener("error", () => clip.classList.add("failed"));
  buttonOf(clip).addEventListener("click", () => toggle(clip));
  buttonOf(clip).addEventListener("focus", () => makeStop(clip));
  clip.querySelector(".swap").addEventListener("click", () => swap(clip));
  clip.querySelector(".picture").addEventListener("click", (event) => {
    buttonOf(clip).focus({ preventScroll: true });
    play(clip, (event.offsetX / event.currentTarget.clientWidth) * clip.dataset.seconds);
  });
}
for (const [column, tab] of tabs.entries()) tab.addEventListener("change", () => makeStop(rows[0][column]));
makeStop(clips[0]);

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
document.addEventListener("keydown", (event) => {
  const clip = event.target.closest(".clip");
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select")) return;
  if (clip && event.key in ARROWS) {
    event.preventDefault();
    move(clip, ...ARROWS[event.key]);
  } else if (event.key.toLowerCase() === "b" && (clip ?? current)) {
    swap(clip ?? current);
  } else if (event.key === " " && event.target === document.body && current) {
    event.preventDefault();
    toggle(current);
  }
});

document.querySelector("#detector")?.addEventListener("change", (event) => {
  document.documentElement.dataset.detector = event.target.value;
});

const theme = document.querySelector("#theme");
const system = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
const tell = () => theme.setAttribute("aria-pressed", isDark());
theme.addEventListener("click", () => {
  const chosen = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = chosen;
  try { localStorage.setItem("codecfake-theme", chosen); } catch { /* storage is blocked */ }
  tell();
});
system.addEventListener("change", tell);
tell();
