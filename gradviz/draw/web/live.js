// A served page asks for a newer one, and says what is wrong with the script.

const memory = `gradviz ${location.pathname}`, kept = sessionStorage.getItem(memory);
if (kept !== null) go(Number(kept));
const banner = document.createElement("p");
Object.assign(banner, {id: "banner", hidden: true});
banner.setAttribute("role", "alert");
document.body.prepend(banner);
let version = null;
async function ask() {
  let state;
  try {
    state = await (await fetch("/version", {cache: "no-store"})).json();
  } catch {
    state = {version, error: "gradviz serve has ended: this page stays as it is."};
  }
  Object.assign(banner, {textContent: state.error, hidden: !state.error});
  version ??= state.version;
  if (state.version !== version) {
    sessionStorage.setItem(memory, walk.position);
    location.reload();
    return;
  }
  setTimeout(ask, 500);
}
ask();
