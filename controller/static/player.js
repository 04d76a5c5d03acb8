// Plays a recording: hls.js where the browser has Media Source Extensions, else its own HLS. Buttons with `data-seek`
// jump to their moment. Knows no keys: the server decrypts what this asks for.
"use strict";

(() => {
  const video = document.getElementById("player");
  const fault = document.getElementById("player-fault");
  const playlist = video.dataset.playlist;

  const MENDED_WITHIN_MS = 3000;

  function tell() {
    fault.hidden = false;
  }

  function giveUp(hls) {
    if (!fault.hidden) return;
    tell();
    hls.destroy();
  }

  function recover(hls, data) {
    if (!data.fatal) return;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && !recover.tried) {
      recover.tried = true;
      hls.recoverMediaError();
      return;
    }
    giveUp(hls);
  }

  // hls.js does not pass on each error of the video element; one that stands was mended by nobody.
  function watch(hls) {
    video.addEventListener("error", () => setTimeout(() => video.error && giveUp(hls), MENDED_WITHIN_MS));
  }

  function begin() {
    if (window.Hls && Hls.isSupported()) {
      const hls = new Hls({ enableWorker: false, maxBufferLength: 20, backBufferLength: 30 });
      hls.on(Hls.Events.ERROR, (_name, data) => recover(hls, data));
      watch(hls);
      hls.loadSource(playlist);
      hls.attachMedia(video);
    } else {
      video.addEventListener("error", tell);
      video.src = playlist;
    }
  }

  function seek(event) {
    const button = event.target.closest("[data-seek]");
    if (!button) return;
    video.currentTime = Number(button.dataset.seek);
    video.play().catch(() => {}); // the browser may want a press on its own button first
    video.focus();
  }

  document.addEventListener("click", seek);
  begin();
})();
