// Light, dark, or as the system has it. Runs before the page is drawn, so that nothing flashes; everything else waits for the page.
const THEMES = ["auto", "light", "dark"];

function chosen() {
  try {
    const kept = localStorage.getItem("theme");
    return THEMES.includes(kept) ? kept : "auto";
  } catch {
    return "auto"; // storage may be forbidden
  }
}

function wear(theme) {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // then the choice lasts as long as the page
  }
}

wear(chosen());
// Says to the style sheet that scripts run: what needs them is hidden otherwise.
document.documentElement.classList.add("scripts");

document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("theme");
  const texts = JSON.parse(document.getElementById("page-data").textContent).texts;
  const show = () => {
    button.textContent = texts[`theme.${document.documentElement.dataset.theme}`];
  };
  button.addEventListener("click", () => {
    const next = (THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length;
    wear(THEMES[next]);
    show();
  });
  show();
});
