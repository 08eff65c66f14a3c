"""What others wrote, read as data and measured first: documents, arrays and circuits of a size that memory and time can hold."""
