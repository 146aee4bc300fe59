#!/usr/bin/env bash
# Makes the model that ships: bash models/recipe/make.sh SOURCES [WORK]
#
# SOURCES is a folder with the texts named below (models/README.md says where they are from); WORK takes prepared data and
# runs. It may be interrupted at any time, and goes on where it was.
set -euo pipefail

sources=$1
work=${2:-work}
here=$(dirname "$0")
own=$here/../../data/conv.txt
chats=("$sources"/{self_dialogue,chitchat_dataset,topical_chat,synthetic_persona_chat,casino}.jsonl.xz)
small=("$sources"/{aggmgpt,personality_chat,chatterbot_corpus}.jsonl.xz)
tasks=("$sources"/{accentor_sgd,star,taskmaster4}.jsonl.xz)
stories=("$sources"/{tinystories_sample,fairytales,picture_stories}.txt.xz)

stage() { # NAME OPTIONS...: one training, begun or gone on with
  local out=$work/$1
  [ -e "$out/finished" ] && return
  if compgen -G "$out/states/*.pt" > /dev/null; then
    picochat train --resume "$out"
  else
    picochat train --config "$here/$1.yaml" --out "$out" --force "${@:2}"
  fi
  touch "$out/finished"
}

prepare() { # NAME OPTIONS...: shards of some texts; those that a stage has begun with are kept
  [ -d "$work/$1-data" ] && return
  picochat prepare --out "$work/$1-data" --val-fraction 0.01 "${@:2}"
}

every() { # N FILES...: each N-th conversation of some
  for file in "${@:2}"; do xz -dc "$file" | awk "NR % $1 == 0"; done
}

others() { # dialogues of others that stay in when only answers are learnt: about a third of all
  every 1 "$sources/synthetic_persona_chat.jsonl.xz"
  every 2 "$sources"/{chitchat_dataset,casino,taskmaster4}.jsonl.xz
  every 3 "$sources/topical_chat.jsonl.xz"
  every 6 "$sources"/{self_dialogue,star}.jsonl.xz
  every 16 "$sources/accentor_sgd.jsonl.xz"
}

into() { # FILE COMMAND...: what a command prints, in a file that is there whole or not at all
  [ -e "$1" ] && return
  "${@:2}" > "$1.part"
  mv "$1.part" "$1"
}

mkdir -p "$work"
# what varies is drawn anew in larger numbers than data/conv.txt holds, so that skills are learnt and not sentences
[ -e "$work/own.txt" ] || python "$here/../../data/make_conv.py" --count 80000 --out "$work/own.txt"
# most of the task dialogues are bookings: after the first stage a quarter of them keeps what was learnt
into "$work/bookings.jsonl" every 4 "$sources/accentor_sgd.jsonl.xz"
into "$work/others.jsonl" others

tokenizer=$work/language-data/tokenizer.json
prepare language --vocab-size 4096 "${chats[@]}" "${small[@]}" "${tasks[@]}" "${stories[@]}" "$own"
stage language --data "$work/language-data"
prepare talk --tokenizer "$tokenizer" \
  "${chats[@]}" "${small[@]}" "$sources"/{star,taskmaster4}.jsonl.xz "$work"/{bookings.jsonl,own.txt}
stage talk --data "$work/talk-data" --init-from "$work/language"
prepare answers --tokenizer "$tokenizer" "$work"/{own.txt,others.jsonl} "${small[@]}"
stage answers --data "$work/answers-data" --init-from "$work/talk"
prepare chat --tokenizer "$tokenizer" "$work/own.txt"
stage chat --data "$work/chat-data" --init-from "$work/answers"
[ -e "$work/more.txt" ] || python "$here/../../data/make_conv.py" --count 80000 --seed 2 --out "$work/more.txt"
prepare more --tokenizer "$tokenizer" "$work/more.txt"
stage more --data "$work/more-data" --init-from "$work/chat"
[ -e "$work/mean.pt" ] || python "$here/mean.py" "$work/mean.pt" "$work/chat=0.4" "$work/more=0.6"
[ -e "$work/last.txt" ] || python "$here/../../data/make_conv.py" --count 80000 --seed 3 --out "$work/last.txt"
into "$work/corrections.jsonl" python "$here/../../data/corrections.py"
prepare last --tokenizer "$tokenizer" "$work"/{last.txt,corrections.jsonl}
stage last --data "$work/last-data" --init-from "$work/mean.pt"
[ -e "$work/conv.pt" ] || python "$here/mean.py" "$work/conv.pt" "$work/last=1"
