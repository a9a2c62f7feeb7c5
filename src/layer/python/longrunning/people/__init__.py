"""How a person is asked: links, e-mails, and how fast those go."""
