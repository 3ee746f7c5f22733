"""The study of regimes: how should transfers be trained, and on how few images, so that there is something to rank?"""
