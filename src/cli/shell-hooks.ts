/**
 * What `vrift shell-hook SHELL` prints, for the shell to evaluate. At each prompt, and in zsh and fish whenever the directory changes, the hook sets for the
 * programs that the shell starts what `vrift run` sets, and takes it back where no project is. docs/shell-hook.md says what it promises.
 *
 * In a project that is open nothing is started at a prompt: the shell looks itself whether the directory and the project's socket are the same. Otherwise
 * native/launcher/shell_view.c is asked, which takes about a millisecond.
 */
import { VriftError } from "../platform/errors.js";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** @param launcher absolute path of build/native/vrift-launcher. */
export function shellHook(shell: Shell, launcher: string): string {
  if (/[\u0000-\u001f\u007f]/.test(launcher))
    throw new VriftError("EINVAL", `${JSON.stringify(launcher)} cannot be named in a shell's line`);
  return { bash, zsh, fish }[shell].replace("@LAUNCHER@", () =>
    shell === "fish" ? `'${launcher.replace(/[\\']/g, "\\$&")}'` : `'${launcher.replaceAll("'", "'\\''")}'`,
  );
}

/** What `vrift run` sets, in the order of the helper's answer; the last one only where the user has none. */
const NAMES = "LD_PRELOAD VRIFT_INDEX VRIFT_RUN UV_USE_IO_URING";

/**
 * It comes last in PROMPT_COMMAND, so that what is there before sees the last command's status. Bash puts it back itself afterwards; a status of
 * ours would end a shell with `set -e`.
 */
const bash = `# vrift shell-hook bash
_vrift_put() {
  local kept
  if [[ -n "\${!1+set}" ]]; then
    [[ "$(declare -p "$1")" == "declare -"*([!\\ ])x* ]] && kept=exported || kept=own
    printf -v "_vrift_was_$1" %s "\${!1}"
  else
    kept=none
  fi
  printf -v "_vrift_kept_$1" %s "$kept"
  printf -v "_vrift_ours_$1" %s "$2"
  export "$1=$2"
}
_vrift_take_back() {
  local name kept was ours
  for name in ${NAMES}; do
    kept=_vrift_kept_$name was=_vrift_was_$name ours=_vrift_ours_$name
    if [[ -n "\${!kept-}" && "\${!name-}" == "\${!ours-}" ]]; then
      unset "$name"
      case \${!kept} in
        exported) export "$name=\${!was}" ;;
        own) printf -v "$name" %s "\${!was}" ;;
      esac
    fi
    unset "$kept" "$was" "$ours"
  done
  unset _vrift_root _vrift_socket _vrift_open
}
_vrift_hook() {
  [[ "\${PWD-}" == "\${_vrift_at-}" && -n "\${_vrift_root-}" && -S "\${_vrift_socket-}" ]] && return 0
  local found root socket preload index run entered="\${_vrift_root-}"
  _vrift_at="\${PWD-}"
  [[ -n "\${_vrift_open-}" && ! -S "\${_vrift_socket-}" ]] && entered=
  found=$(VRIFT_INDEX= @LAUNCHER@ shell-view "$entered") || found=
  if [[ -z "$found" ]]; then
    [[ -z "\${_vrift_root-}" ]] || _vrift_take_back
    return 0
  fi
  root="\${found%%$'\\n'*}" found="\${found#*$'\\n'}"
  socket="\${found%%$'\\n'*}" found="\${found#*$'\\n'}"
  preload="\${found%%$'\\n'*}" found="\${found#*$'\\n'}"
  index="\${found%%$'\\n'*}" run="\${found#*$'\\n'}"
  if [[ "$index" != "\${_vrift_ours_VRIFT_INDEX-}" ]]; then
    [[ -z "\${_vrift_root-}" ]] || _vrift_take_back
    _vrift_put LD_PRELOAD "$preload"
    _vrift_put VRIFT_INDEX "$index"
    _vrift_put VRIFT_RUN "$run"
    [[ -n "\${UV_USE_IO_URING+set}" ]] || _vrift_put UV_USE_IO_URING 0
  fi
  _vrift_root="$root" _vrift_socket="$socket" _vrift_open=
  [[ ! -S "$socket" ]] || _vrift_open=1
  return 0
}
if [[ "$(declare -p PROMPT_COMMAND 2>/dev/null)" == "declare -a"* ]]; then
  [[ " \${PROMPT_COMMAND[*]-} " == *" _vrift_hook "* ]] || PROMPT_COMMAND+=(_vrift_hook)
elif [[ $'\\n'"\${PROMPT_COMMAND-}"$'\\n' != *$'\\n'_vrift_hook$'\\n'* ]]; then
  PROMPT_COMMAND=\${PROMPT_COMMAND-}\${PROMPT_COMMAND:+$'\\n'}_vrift_hook
fi
`;

const zsh = `# vrift shell-hook zsh
_vrift_put() {
  emulate -L zsh
  local kept=none
  if (( \${(P)+1} )); then
    [[ \${(tP)1} == *export* ]] && kept=exported || kept=own
    typeset -g "_vrift_was_$1=\${(P)1}"
  fi
  typeset -g "_vrift_kept_$1=$kept" "_vrift_ours_$1=$2"
  export "$1=$2"
}
_vrift_take_back() {
  emulate -L zsh
  local name kept was ours
  for name in ${NAMES}; do
    kept=_vrift_kept_$name was=_vrift_was_$name ours=_vrift_ours_$name
    if [[ -n "\${(P)kept}" && "\${(P)name}" == "\${(P)ours}" ]]; then
      local what=\${(P)kept} value=\${(P)was}
      unset $name
      case $what in
        exported) export "$name=$value" ;;
        own) typeset -g "$name=$value" ;;
      esac
    fi
    unset $kept $was $ours
  done
  unset _vrift_root _vrift_socket _vrift_open
}
_vrift_hook() {
  emulate -L zsh
  [[ $PWD == "$_vrift_at" && -n "$_vrift_root" && -S "$_vrift_socket" ]] && return 0
  local found entered="$_vrift_root"
  typeset -g _vrift_at=$PWD
  [[ -n "$_vrift_open" && ! -S "$_vrift_socket" ]] && entered=
  found=$(VRIFT_INDEX= @LAUNCHER@ shell-view "$entered") || found=
  if [[ -z $found ]]; then
    [[ -z "$_vrift_root" ]] || _vrift_take_back
    return 0
  fi
  local lines=("\${(@f)found}")
  if [[ $lines[4] != "$_vrift_ours_VRIFT_INDEX" ]]; then
    [[ -z "$_vrift_root" ]] || _vrift_take_back
    _vrift_put LD_PRELOAD $lines[3]
    _vrift_put VRIFT_INDEX $lines[4]
    _vrift_put VRIFT_RUN $lines[5]
    (( \${+UV_USE_IO_URING} )) || _vrift_put UV_USE_IO_URING 0
  fi
  typeset -g _vrift_root=$lines[1] _vrift_socket=$lines[2] _vrift_open=
  [[ ! -S $lines[2] ]] || _vrift_open=1
  return 0
}
typeset -ga precmd_functions chpwd_functions
[[ " \${precmd_functions[*]} " == *" _vrift_hook "* ]] || precmd_functions+=(_vrift_hook)
[[ " \${chpwd_functions[*]} " == *" _vrift_hook "* ]] || chpwd_functions+=(_vrift_hook)
`;

/** Only global variables are set: what is universal comes to light again when ours is erased. */
const fish = `# vrift shell-hook fish
function __vrift_put --argument-names name value
  set -g __vrift_kept_$name none
  if set -qg $name
    set -g __vrift_kept_$name own
    set -qgx $name; and set -g __vrift_kept_$name exported
    set -g __vrift_was_$name $$name
  end
  set -g __vrift_ours_$name $value
  set -gx $name $value
end
function __vrift_take_back
  for name in ${NAMES}
    set -l kept __vrift_kept_$name
    set -l was __vrift_was_$name
    set -l ours __vrift_ours_$name
    if set -qg $kept; and test "$$name" = "$$ours"
      set -eg $name
      switch "$$kept"
        case exported
          set -gx $name $$was
        case own
          set -g $name $$was
      end
    end
    set -eg $kept
    set -eg $was
    set -eg $ours
  end
  set -eg __vrift_root
  set -eg __vrift_socket
  set -eg __vrift_open
end
function __vrift_hook --on-variable PWD --on-event fish_prompt
  test "$PWD" = "$__vrift_at" -a -n "$__vrift_root" -a -S "$__vrift_socket"; and return 0
  set -l entered "$__vrift_root"
  set -g __vrift_at $PWD
  test -n "$__vrift_open" -a ! -S "$__vrift_socket"; and set entered ""
  set -l found (VRIFT_INDEX= @LAUNCHER@ shell-view "$entered")
  if test (count $found) -ne 5
    set -qg __vrift_root; and __vrift_take_back
    return 0
  end
  if test "$found[4]" != "$__vrift_ours_VRIFT_INDEX"
    set -qg __vrift_root; and __vrift_take_back
    __vrift_put LD_PRELOAD $found[3]
    __vrift_put VRIFT_INDEX $found[4]
    __vrift_put VRIFT_RUN $found[5]
    set -q UV_USE_IO_URING; or __vrift_put UV_USE_IO_URING 0
  end
  set -g __vrift_root $found[1]
  set -g __vrift_socket $found[2]
  set -g __vrift_open ""
  test -S "$__vrift_socket"; and set -g __vrift_open 1
  return 0
end
`;
