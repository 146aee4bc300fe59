"""Getting data sets, and turning other programs' chats into conversations to train on."""
