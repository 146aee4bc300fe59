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
  picochat prepare --out "$work/$1-data" --val-fraction 0.02 "${@:2}"
}

mkdir -p "$work"
# what varies by slots is drawn anew in larger numbers than data/conv.txt holds, so that skills are learnt and not sentences
[ -e "$work/own.txt" ] || python "$here/../../data/make_conv.py" --count 45000 --out "$work/own.txt"
# most of the task dialogues are bookings: after the first stage a quarter of them keeps what was learnt
[ -e "$work/bookings.jsonl" ] || xz -dc "$sources/accentor_sgd.jsonl.xz" | awk 'NR % 4 == 0' > "$work/bookings.jsonl"

prepare language --vocab-size 4096 "${chats[@]}" "${small[@]}" "${tasks[@]}" "${stories[@]}" "$own"
stage language --data "$work/language-data"
prepare talk --tokenizer "$work/language-data/tokenizer.json" \
  "${chats[@]}" "${small[@]}" "$sources"/{star,taskmaster4}.jsonl.xz "$work"/{bookings.jsonl,own.txt}
stage talk --data "$work/talk-data" --init-from "$work/language"
prepare chat --tokenizer "$work/language-data/tokenizer.json" "${small[@]}" "$own"
stage chat --data "$work/chat-data" --init-from "$work/talk"
